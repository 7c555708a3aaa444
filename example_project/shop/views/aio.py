"""Async pages: a function and a class."""

import asyncio

from django.http import HttpRequest, JsonResponse
from django.views import View

from example_project.shop.models import PrintJob


async def counts(_request: HttpRequest) -> JsonResponse:
    """Count the jobs of each state, through the async ORM."""
    return JsonResponse({state: await PrintJob.objects.filter(state=state).acount() for state in PrintJob.State.values})


class Parallel(View):
    """Waits for several things at once."""

    async def get(self, _request: HttpRequest) -> JsonResponse:
        """Return how many answers came back."""
        answers = await asyncio.gather(*(asyncio.sleep(0.01, result=number) for number in range(5)))
        return JsonResponse({"answers": len(answers)})
