"""Training of the built-in models; nothing that reads pages imports it.

``loop``, ``schedule``, ``ema``, ``checkpoint``, ``loader`` (data) and ``export`` serve both models; ``crnn``
and ``ctpn`` hold their settings, examples, targets, losses and sessions.
"""

from ocrpipe.runtime import choose_runtime

choose_runtime("torch", "cpu")  # names the extra where torch is missing
