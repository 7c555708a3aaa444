"""Every kind of view that the metrics middleware has to name."""

from django.conf import settings
from django.contrib.staticfiles.views import serve
from django.urls import include, path

from example_project.shop.views import aio, pages, proof, streams, trouble

api_patterns = ([path("summary/", pages.summary, name="summary")], "api")

urlpatterns = [
    path("", pages.home, name="home"),
    path("healthz/", pages.healthz, name="healthz"),
    path("jobs/", pages.JobList.as_view(), name="job-list"),
    path("jobs/new/", pages.JobCreate.as_view(), name="job-create"),
    path("jobs/<int:pk>/", pages.JobDetail.as_view(), name="job-detail"),
    path("mirror/", pages.mirror, name="mirror"),
    path("async/", aio.counts, name="async-counts"),
    path("async/parallel/", aio.Parallel.as_view(), name="async-parallel"),
    path("stream/", streams.export, name="stream"),
    path("async/stream/", streams.ticker, name="async-stream"),
    path("slow/", trouble.slow, name="slow"),
    path("report/", trouble.report, name="report"),
    path("fail/", trouble.fail, name="fail"),
    path("proof/", proof.fingerprints, name="proof"),
    path("api/", include(api_patterns)),
]

if settings.SERVE_STATIC:
    urlpatterns.append(path("static/<path:path>", serve, {"insecure": True}))
