"""The only reader of ``django.conf.settings``: a typed property a setting, the default beside it."""
