"""The shop's own tests, as any site has them: ``manage.py test example_project``. They need no key."""

from __future__ import annotations

from unittest import mock

import httpx
from django.conf import settings
from django.test import TestCase

from example_project.shop.models import PrintJob
from zemanta_ops.testing import capture_metrics


class PagesTest(TestCase):
    """Every page answers as it should."""

    fixtures = ("jobs",)

    def test_ordinary_pages(self) -> None:
        """Functions and classes answer with a page."""
        for path in ("/", "/jobs/", "/jobs/1/", "/jobs/new/", "/slow/?ms=1", "/api/summary/", "/healthz/"):
            with self.subTest(path):
                self.assertEqual(self.client.get(path, secure=True).status_code, 200)

    def test_async_pages(self) -> None:
        """Async views answer under WSGI as well."""
        self.assertEqual(self.client.get("/async/parallel/", secure=True).json(), {"answers": 5})
        self.assertEqual(self.client.get("/async/", secure=True).json(), {"waiting": 3, "printing": 1, "done": 1})

    def test_the_export_has_a_row_a_job(self) -> None:
        """The stream is complete."""
        rows = self.client.get("/stream/", secure=True).getvalue().decode().splitlines()
        self.assertEqual(len(rows), 1 + PrintJob.objects.count())

    def test_the_mirror_shows_what_the_api_answers(self) -> None:
        """The call goes out over HTTP; there is no server in this test that it could reach."""
        answer = httpx.Response(200, text="five jobs", request=httpx.Request("GET", settings.SHOP_URL))
        with mock.patch("httpx.get", return_value=answer):
            self.assertContains(self.client.get("/mirror/", secure=True), "five jobs")

    def test_a_job_is_taken_in_and_counted(self) -> None:
        """The form saves the job and emits the shop's own metrics."""
        with capture_metrics() as metrics:
            self.client.post("/jobs/new/", {"title": "An atlas", "pages": 400}, secure=True)
        self.assertTrue(PrintJob.objects.filter(title="An atlas").exists())
        metrics.assert_incr("shop.job.accepted", size="large")

    def test_troublesome_pages(self) -> None:
        """What must fail fails."""
        self.client.raise_request_exception = False
        for path, status in (("/fail/", 500), ("/nowhere/", 404), ("/slow/?ms=x", 400), ("/proof/", 404)):
            with self.subTest(path):
                self.assertEqual(self.client.get(path, secure=True).status_code, status)
