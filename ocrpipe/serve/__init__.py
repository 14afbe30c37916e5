"""An HTTP server of this machine: an API that reads pages, and a web page to look at and correct them."""
