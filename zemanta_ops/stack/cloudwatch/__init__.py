"""CloudWatch metrics into the database of metrics: no Django, no settings, no clock of its own.

coverage = push(AwsClients(), database, build_declarations({"regions": ["eu-west-1"]}), now=now)
coverage.problems           # one line for each thing that went wrong
"""
