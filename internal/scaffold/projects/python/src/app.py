"""A handler that yields: each piece leaves as soon as it is yielded."""

import asyncio

import awslambda


async def handler(event, context):
    name = (event.get("queryStringParameters") or {}).get("name") or "world"
    print("greeting", name)  # shown by sluice dev, and in the function's log

    # Status and headers, if any, are the first thing that is yielded.
    yield awslambda.http_response(
        status_code=200,
        headers={"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"},
    )
    yield f"Hello, {name}.\n"
    for left in range(3, 0, -1):
        await asyncio.sleep(0.4)  # your slow work: a query, a model, another service
        yield f"{left}\n"
    yield "Done.\n"
