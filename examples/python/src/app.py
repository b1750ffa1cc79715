"""A handler that yields: each piece leaves as soon as it is yielded."""

import asyncio

import awslambda

STORY = """Once there was a river that had no patience.
It carried every word to the sea at once.
So they built a sluice, and the words went one by one."""


async def handler(event, context):
    query = event.get("queryStringParameters") or {}
    pause = min(float(query.get("pause", 150)), 5000) / 1000
    # The first thing that is yielded may be the head of an HTTP response.
    yield awslambda.http_response(
        status_code=200,
        headers={"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"},
    )
    for line in STORY.splitlines():
        for word in line.split():
            yield word + " "
            await asyncio.sleep(pause)
        yield "\n"
