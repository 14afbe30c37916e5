"""Training of the built-in models; nothing that reads pages imports it.

``loop``, ``schedule``, ``ema``, ``checkpoint``, ``loader`` (data) and ``export`` serve both models; ``crnn``
and ``ctpn`` hold their settings, examples, targets, losses and sessions.
"""
