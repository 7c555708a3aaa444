"""AWS services, as ``push_cloudwatch`` fetches them: what a problem looks like, how it affects users, what to do.

What each metric is, is with the metrics that are fetched.
"""

from zemanta_ops.stack.declarations.model import describe

# Metrics by the declaration of CloudWatch and the field in the database, and the texts that they share.
_TEXTS: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (
        (
            "rds.cpu_utilization_average",
            "redshift.cpu_utilization_average",
            "redshift_nodes.cpu_utilization_average",
            "elasticache.cpu_utilization_average",
            "elasticache.engine_cpu_utilization_average",
        ),
        "Above 80 percent for ten minutes.",
        "Everything that needs the database is slow at once.",
        "Look for a new slow query first; then take a larger instance.",
    ),
    (
        (
            "rds.database_connections_maximum",
            "redshift.database_connections_maximum",
            "elasticache.curr_connections_maximum",
        ),
        "It rises steadily, or nears the limit of the instance.",
        "Beyond the limit new requests fail with an error of the connection.",
        "Compare with the number of workers; look for connections that nobody closes.",
    ),
    (
        (
            "rds.freeable_memory_minimum",
            "rds.swap_usage_maximum",
            "elasticache.freeable_memory_minimum",
            "elasticache.swap_usage_maximum",
            "elasticache.database_memory_usage_percentage_average",
        ),
        "Free memory falls for days, or swap space is in use.",
        "Queries get slow in jumps, and the cache drops what it should keep.",
        "Look at the size of what is kept; then take an instance with more memory.",
    ),
    (
        (
            "rds.free_storage_space_minimum",
            "redshift.percentage_disk_space_used_maximum",
            "redshift_nodes.percentage_disk_space_used_maximum",
        ),
        "Less than a tenth of the disk is free.",
        "On a full disk the database stops: nothing can be saved.",
        "Enlarge the disk now; find what grows afterwards.",
    ),
    (
        (
            "rds.read_latency_average",
            "rds.write_latency_average",
            "rds.disk_queue_depth_average",
            "redshift.read_latency_average",
            "redshift.write_latency_average",
            "redshift.commit_queue_length_maximum",
        ),
        "Several times its usual value.",
        "Pages that read or save data are slow.",
        "Look at the operations per second and at the credits of the disk.",
    ),
    (
        (
            "rds.read_iops_average",
            "rds.write_iops_average",
        ),
        "It stays at the limit of the disk.",
        "Pages that read or save data are slow.",
        "Look for a query that reads a whole table.",
    ),
    (
        (
            "rds.replica_lag_maximum",
            "elasticache.replication_lag_maximum",
        ),
        "More than a few seconds.",
        "Users do not see what they have just saved.",
        "Look for a long transaction, or for more writes than the replica can follow.",
    ),
    (
        (
            "rds_credits.burst_balance_minimum",
            "rds_credits.cpu_credit_balance_minimum",
            "rds_credits.ebsio_balance%_minimum",
            "rds_credits.ebs_byte_balance%_minimum",
        ),
        "It falls and does not recover at night.",
        "At zero the database is slow until load ends.",
        "Take an instance or a disk with more of its own.",
    ),
    (
        (
            "sqs.approximate_number_of_messages_visible_maximum",
            "sqs.approximate_age_of_oldest_message_maximum",
            "sqs.approximate_number_of_messages_not_visible_maximum",
        ),
        "It rises for ten minutes.",
        "What the messages ask for happens late.",
        "Look whether the consumers run, and whether one message fails again and again.",
    ),
    (
        (
            "sqs.number_of_messages_sent_sum",
            "sqs.number_of_messages_received_sum",
            "sqs.number_of_messages_deleted_sum",
            "sqs.number_of_empty_receives_sum",
        ),
        "Fewer are deleted than sent, for longer than a burst.",
        "What the messages ask for happens late.",
        "Add consumers, or find what sends.",
    ),
    (
        (
            "alb.request_count_sum",
            "alb.new_connection_count_sum",
            "alb.processed_bytes_sum",
            "alb.consumed_lcus_average",
            "alb.http_code_elb_4xx_count_sum",
            "alb_targets.http_code_target_4xx_count_sum",
            "elb.request_count_sum",
        ),
        "It drops to nothing while users are awake, or jumps without a reason that you know.",
        "A drop means that users do not reach the site at all.",
        "Look at DNS, certificates and the last deploy.",
    ),
    (
        (
            "alb.http_code_elb_5xx_count_sum",
            "alb.rejected_connection_count_sum",
            "alb_targets.http_code_target_5xx_count_sum",
            "alb_targets.target_connection_error_count_sum",
            "elb.http_code_backend_5xx_sum",
            "elb.http_code_elb_5xx_sum",
            "elb.backend_connection_errors_sum",
            "elb.spillover_count_sum",
            "elb.surge_queue_length_maximum",
        ),
        "Anything above a few a minute.",
        "Users see error pages that the application never made.",
        "Look at healthy targets, then at the number of workers and their time-outs.",
    ),
    (
        (
            "alb_targets.target_response_time_average",
            "alb_targets.target_response_time_p50",
            "alb_targets.target_response_time_p95",
            "alb_targets.target_response_time_p99",
            "elb.latency_average",
            "elb.latency_p99",
        ),
        "It is above what the application itself measures.",
        "Pages load slowly.",
        "The difference is time that requests wait for a worker: add workers.",
    ),
    (
        (
            "alb_targets.healthy_host_count_minimum",
            "nlb_targets.healthy_host_count_minimum",
            "nlb_targets.un_healthy_host_count_minimum",
            "nlb_targets.un_healthy_host_count_maximum",
            "alb_targets.un_healthy_host_count_minimum",
            "alb_targets.un_healthy_host_count_maximum",
        ),
        "Fewer healthy targets than you run.",
        "The targets that are left carry all requests, until they fail too.",
        "Call the health check of a target from its own machine.",
    ),
    (
        (
            "nlb.active_flow_count_average",
            "nlb.new_flow_count_sum",
            "nlb.processed_bytes_sum",
            "nlb.tcp_elb_reset_count_sum",
            "nlb.tcp_target_reset_count_sum",
        ),
        "Resets rise, or connections drop to nothing.",
        "Connections break off.",
        "Look at the time-outs of the targets and at the last deploy.",
    ),
    (
        ("redshift.health_status_minimum",),
        "It is 0.",
        "Reports cannot be made.",
        "Look at the events of the cluster in the console of AWS.",
    ),
    (
        (
            "elasticache.evictions_sum",
            "elasticache.cache_hits_sum",
            "elasticache.cache_misses_sum",
        ),
        "Evictions rise, or misses outnumber hits.",
        "The database does the work that the cache spared it.",
        "Take a node with more memory, or keep less.",
    ),
    (
        ("lambda.invocations_sum", "lambda.concurrent_executions_maximum"),
        "It drops to nothing, or the calls at the same time near the limit of the account.",
        "What the function does is not done, or late.",
        "Look at what calls the function, and at its limit of concurrency.",
    ),
    (
        ("lambda.errors_sum", "lambda.throttles_sum"),
        "Anything above a few an hour.",
        "What the function does is not done, or done twice when it is called again.",
        "Read the log of the function; for throttles, raise its limit of concurrency.",
    ),
    (
        ("lambda.duration_average", "lambda.duration_p99"),
        "It nears the time-out of the function.",
        "Calls are cut off in the middle of their work.",
        "Look at what the function waits for, and at its memory, which decides its processor time.",
    ),
    (
        ("ec2.cpu_utilization_average", "ec2.cpu_credit_balance_minimum"),
        "The processor is above 80 percent for ten minutes, or the credits fall and do not recover at night.",
        "Everything on the instance is slow.",
        "Look for the process that uses it; then take a larger instance.",
    ),
    (
        ("ec2.network_in_sum", "ec2.network_out_sum"),
        "It drops to nothing, or several times its usual value.",
        "Users do not reach the instance, or wait for its network.",
        "Compare with the requests; look for a backup or a copy that runs at the wrong time.",
    ),
    (
        ("ec2.status_check_failed_maximum",),
        "It is 1.",
        "The instance does not answer.",
        "Stop and start the instance: it then runs on other hardware.",
    ),
    (
        ("dynamodb.consumed_read_capacity_units_sum", "dynamodb.consumed_write_capacity_units_sum"),
        "It nears what is provisioned, or jumps without a reason that you know.",
        "Beyond the limit requests are refused; the bill grows with it.",
        "Look for a scan of a whole table.",
    ),
    (
        ("dynamodb.read_throttle_events_sum", "dynamodb.write_throttle_events_sum"),
        "Anything above zero for minutes.",
        "Requests wait, are tried again, and fail in the end.",
        "Raise the capacity, or find the key that gets all requests.",
    ),
    (
        ("s3.bucket_size_bytes_average", "s3.number_of_objects_average"),
        "It grows faster than the business, or drops from one day to the next.",
        "Growth is a bill; a drop may be files that users miss.",
        "Look at the lifecycle rules of the bucket, and at what writes or deletes there.",
    ),
)

for _names, _trouble, _impact, _action in _TEXTS:
    for _name in _names:
        describe(f"aws.{_name}", trouble=_trouble, impact=_impact, action=_action)
