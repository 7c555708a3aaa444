"""Legacy dotted names, such as ``z1.prod.web-1.view.GET.home.200``: declare, render Telegraf templates, explain."""
