"""docs/contract/runtime-api.md §4: streamed responses on the wire."""

from __future__ import annotations

import json
import os
import time

from .api_server import read_chunk, shut
from .harness import RuntimeTest, with_wait

INTEGRATION = "application/vnd.awslambda.http-integration-response"
PIECES = "yield b'\\x00\\xff'; yield 'ü'; yield b''; yield {'a': [1]}; yield [2]; yield bytearray(b'ba'); yield memoryview(b'mv')"
CHUNKS = [b"\x00\xff", "ü".encode(), b'{"a": [1]}', b"[2]", b"ba", b"mv"]


class Forms(RuntimeTest):
    def test_a_generator_on_the_wire(self):
        fn = self.start("def handler(event, context):\n  yield 'ab'\n  yield b'0123456789abcdef'")
        request_id = fn.api.invoke()
        request = fn.settle(fn.api.answer(request_id).until(lambda r: r.over))
        self.assertEqual(
            request.head.decode(),
            f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\n"
            f"Host: {fn.api.authority}\r\n"
            f"User-Agent: {request.header('User-Agent')}\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Body\r\n"
            "Transfer-Encoding: chunked\r\n"
            "Content-Type: application/octet-stream\r\n\r\n",
        )
        self.assertEqual(request.wire, b"2\r\nab\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")
        self.assertTrue(request.complete)

    def test_every_form_that_yields(self):
        for name, source in {
            "generator": f"def handler(event, context): {PIECES}",
            "async generator": f"async def handler(event, context): {PIECES}",
            "returned generator": f"def g(): {PIECES}\ndef handler(event, context): return g()",
            "generator of an async handler": f"def g(): {PIECES}\nasync def handler(event, context): return g()",
            "async generator of an async handler": f"async def g(): {PIECES}\nasync def handler(event, context): return g()",
            "iterator": f"def g(): {PIECES}\ndef handler(event, context): return iter(list(g()))",
            "object": f"def g(): {PIECES}\nclass H:\n  def __call__(self, event, context): return g()\nhandler = H()",
        }.items():
            for unix in (True, False):
                with self.subTest(name, unix=unix):
                    fn = self.start(source, unix=unix)
                    self.assertEqual(fn.run().chunks, CHUNKS)
                    request = fn.run()
                    self.assertTrue(request.complete)
                    self.assertEqual(request.trailers, {})
                    self.assertEqual(len(fn.api.accepted), 1)

    def test_lists_dicts_and_text_are_not_streamed(self):
        fn = self.start("def handler(event, context): return event")
        for event in (["a", "b"], {"a": 1}, "text"):
            request = fn.run(event)
            self.assertIsNone(request.header("Lambda-Runtime-Function-Response-Mode"))
            self.assertEqual(request.json, event)

    def test_a_generator_that_yields_nothing(self):
        request = self.start("def handler(event, context):\n  if False: yield").run()
        self.assertEqual(request.wire, b"0\r\n\r\n")
        self.assertEqual(request.header("Content-Type"), "application/octet-stream")

    def test_context_variables_of_an_async_generator_stay(self):
        fn = self.start(
            """
            import asyncio
            from contextvars import ContextVar
            mine = ContextVar("mine", default="lost")
            async def handler(event, context):
                token = mine.set("kept")
                yield "a"
                await asyncio.sleep(0)
                yield mine.get()
                mine.reset(token)
            """
        )
        self.assertEqual(fn.run().chunks, [b"a", b"kept"])


class Arrival(RuntimeTest):
    def test_each_piece_leaves_before_the_next_is_made(self):
        for keyword in ("", "async "):
            for unix in (True, False):
                with self.subTest(keyword, unix=unix):
                    source = f"""
                    from waiting import wait_for
                    {keyword}def handler(event, context):
                        yield "one"
                        wait_for("seen-one")
                        yield "two"
                        wait_for("seen-two")
                    """
                    fn = self.start(with_wait(source), unix=unix)
                    request = fn.api.answer(fn.api.invoke()).until(lambda r: r.chunks == [b"one"])
                    self.assertFalse(request.over)
                    fn.touch("seen-one")
                    request.until(lambda r: r.chunks == [b"one", b"two"])
                    self.assertFalse(request.over)
                    fn.touch("seen-two")
                    request.until(lambda r: r.complete)

    def test_head_and_prelude_leave_before_the_body(self):
        fn = self.start(
            with_wait(
                """
                import awslambda
                from waiting import wait_for
                def handler(event, context):
                    yield awslambda.HttpResponse(status_code=201, headers={"X-A": "b"}, cookies=["c=d"])
                    wait_for("seen")
                    yield "body"
                """
            )
        )
        request = fn.api.answer(fn.api.invoke()).until(lambda r: r.chunks)
        self.assertFalse(request.over)
        self.assertEqual(request.header("Content-Type"), INTEGRATION)
        fn.touch("seen")
        request.until(lambda r: r.complete)
        prelude, separator, body = request.body.partition(bytes(8))
        self.assertEqual(json.loads(prelude), {"statusCode": 201, "headers": {"X-A": "b"}, "cookies": ["c=d"]})
        self.assertEqual((separator, body), (bytes(8), b"body"))

    def test_a_slow_reader_makes_the_generator_wait(self):
        for keyword in ("", "async "):
            with self.subTest(keyword):
                fn = self.start(
                    f"""
                    made = 0
                    {keyword}def handler(event, context):
                        global made
                        for _ in range(64):
                            made += 1
                            open("made", "w").write(str(made))
                            yield bytes(1 << 20)
                    """
                )
                made = []

                def count():
                    try:
                        with open(fn.root + "/made") as file:
                            return int(file.read() or 0)
                    except FileNotFoundError:
                        return 0

                def slowly(request, reader):
                    read_chunk(request, reader)
                    # Nothing is read meanwhile: the kernel takes what fits,
                    # until two looks see the same.
                    last = -1
                    while (now := count()) != last:
                        last = now
                        time.sleep(0.1)
                    made.append(last)
                    return False

                fn.api.behave = slowly
                request = fn.run()
                self.assertEqual(len(request.body), 64 << 20)
                self.assertLess(made[0], 20)

    def test_a_slow_reader_does_not_stop_the_event_loop(self):
        fn = self.start(
            """
            import asyncio
            async def tick():
                while True:
                    open("ticks", "a").write(".")
                    await asyncio.sleep(0.001)
            async def handler(event, context):
                global ticking
                ticking = asyncio.create_task(tick())
                for _ in range(16):
                    await asyncio.sleep(0)
                    yield bytes(1 << 20)
                ticking.cancel()
            """
        )

        def slowly(request, reader):
            read_chunk(request, reader)
            time.sleep(0.2)  # By now the kernel is full.
            before = os.path.getsize(fn.root + "/ticks")
            fn.eventually(lambda f: os.path.getsize(f.root + "/ticks") > before + 3)
            return False

        fn.api.behave = slowly
        request = fn.run()
        self.assertEqual(len(request.body), 16 << 20)


class Failures(RuntimeTest):
    def test_before_the_first_piece_it_is_an_ordinary_error(self):
        for keyword in ("", "async "):
            with self.subTest(keyword):
                fn = self.start(f"{keyword}def handler(event, context):\n  if not event: raise ValueError('early')\n  yield 'ok'")
                request = fn.run()
                self.assertTrue(request.path.endswith("/error"))
                self.assertEqual(request.json["errorType"], "ValueError")
                self.assertEqual(len(request.json["stackTrace"]), 1)
                self.assertEqual(fn.run(1).chunks, [b"ok"])

    def test_afterwards_it_is_in_the_trailers(self):
        for keyword in ("", "async "):
            with self.subTest(keyword):
                fn = self.start(
                    f"""
                    class Odd(Exception): pass
                    Odd.__name__ = "My\\r\\nError: ż"
                    {keyword}def handler(event, context):
                        yield "a"
                        if event: raise Odd("late")
                        raise ValueError("line\\r\\nbreak")
                    """
                )
                request = fn.run()
                self.assertTrue(request.complete)
                self.assertEqual(request.chunks, [b"a"])
                self.assertEqual(
                    list(request.trailers), ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"]
                )
                self.assertEqual(request.trailers["Lambda-Runtime-Function-Error-Type"], "ValueError")
                error = request.trailer_error
                self.assertEqual(error["errorMessage"], "line\r\nbreak")
                self.assertEqual(error["requestId"], request.path.split("/")[-2])
                self.assertEqual(len(error["stackTrace"]), 1)
                fn.eventually(lambda f: "[ERROR] ValueError: line" in f.log)
                self.assertEqual(fn.run(1).trailers["Lambda-Runtime-Function-Error-Type"], "My??Error: ?")
                self.assertEqual([r.path for r in fn.api.requests if r.path.endswith("/error")], [])

    def test_pieces_of_a_wrong_kind(self):
        for piece, text in (("1", "a int"), ("None", "None"), ("object()", "a object")):
            with self.subTest(piece):
                error = self.start(f"def handler(event, context):\n  yield 'a'\n  yield {piece}").run().trailer_error
                self.assertEqual(error["errorType"], "TypeError")
                self.assertIn(f"a piece of a streamed response is {text}; it must be bytes, str, dict or list", error["errorMessage"])

    def test_pieces_that_are_not_json(self):
        error = self.start("def handler(event, context):\n  yield 'a'\n  yield {'a': object()}").run().trailer_error
        self.assertEqual(error["errorType"], "Runtime.MarshalError")

    def test_a_late_http_response(self):
        fn = self.start("import awslambda\ndef handler(event, context):\n  yield 'a'\n  yield awslambda.HttpResponse()")
        self.assertIn("must be the first piece", fn.run().trailer_error["errorMessage"])

    def test_sys_exit_ends_the_response_in_order(self):
        fn = self.start("import sys\ndef handler(event, context):\n  yield 'a'\n  sys.exit(7)")
        request = fn.api.answer(fn.api.invoke()).until(lambda r: r.over)
        self.assertEqual(request.trailers["Lambda-Runtime-Function-Error-Type"], "Runtime.ExitError")
        self.assertEqual(fn.wait(), 7)


class Broken(RuntimeTest):
    """The platform closes the connection in the middle of a response."""

    def breaks(self, source):
        fn = self.start(with_wait(source))

        def cut(request, reader):
            read_chunk(request, reader)
            shut(request.connection)
            request.update(over=True)
            fn.touch("cut")
            return True

        fn.api.behave = cut
        request = fn.api.answer(fn.api.invoke()).until(lambda r: r.over)
        fn.settle(request)
        fn.api.behave = None
        self.assertEqual(fn.run(1).chunks, [b"again"])
        fn.eventually(lambda f: f.has("finally"))
        self.assertEqual([r.path for r in fn.api.requests if r.path.endswith("/error")], [])
        fn.eventually(lambda f: f.hints)
        self.assertEqual(fn.log, "")
        return fn

    def test_a_generator_is_closed(self):
        self.breaks(
            """
            from waiting import wait_for
            def handler(event, context):
                if event:
                    yield "again"
                    return
                try:
                    yield "a"
                    wait_for("cut")
                    while True: yield "b"
                finally:
                    open("finally", "w").close()
            """
        )

    def test_an_async_generator_that_waits_is_closed(self):
        self.breaks(
            """
            import asyncio
            async def handler(event, context):
                if event:
                    yield "again"
                    return
                try:
                    yield "a"
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0)
                    open("finally", "w").close()
            """
        )

    def test_an_async_generator_that_yields_is_closed(self):
        self.breaks(
            """
            from waiting import wait_for
            async def handler(event, context):
                if event:
                    yield "again"
                    return
                try:
                    yield "a"
                    wait_for("cut")
                    while True: yield "b"
                finally:
                    open("finally", "w").close()
            """
        )

    def test_writes_raise(self):
        self.breaks(
            """
            import awslambda
            from waiting import wait_for
            @awslambda.streamify_response
            def handler(event, stream, context):
                if event: return stream.end("again")
                stream.write("a")
                wait_for("cut")
                try:
                    while True: stream.write("b")
                except awslambda.ResponseBroken:
                    open("finally", "w").close()
                    raise
            """
        )

    def test_an_error_of_the_clean_up_is_logged(self):
        fn = self.start(
            with_wait(
                """
                from waiting import wait_for
                def handler(event, context):
                    try:
                        yield "a"
                        wait_for("cut")
                        while True: yield "b"
                    finally:
                        raise ValueError("clean-up")
                """
            )
        )

        def cut(request, reader):
            read_chunk(request, reader)
            shut(request.connection)
            fn.touch("cut")
            return True

        fn.api.behave = cut
        fn.api.invoke()
        fn.eventually(lambda f: "[ERROR] ValueError: clean-up" in f.log)


class Awslambda(RuntimeTest):
    def handler(self, body, keyword=""):
        lines = "".join(f"\n  {line}" for line in body.split("\n"))
        return self.start(f"import awslambda\n@awslambda.streamify_response\n{keyword}def handler(event, stream, context):{lines}")

    def test_write_and_end(self):
        for keyword in ("", "async "):
            with self.subTest(keyword):
                fn = self.handler("stream.set_content_type('text/plain')\nstream.write('a')\nstream.write(b'b')\nstream.end('c')", keyword)
                request = fn.run()
                self.assertEqual(request.chunks, [b"a", b"b", b"c"])
                self.assertEqual(request.header("Content-Type"), "text/plain")
                self.assertTrue(request.complete)

    def test_the_return_and_the_with_block_end_it(self):
        self.assertEqual(self.handler("stream.write('a')").run().wire, b"1\r\na\r\n0\r\n\r\n")
        self.assertEqual(self.handler("with stream as s: s.write('a')\nstream.end()").run().wire, b"1\r\na\r\n0\r\n\r\n")
        self.assertEqual(self.handler("pass").run().wire, b"0\r\n\r\n")

    def test_from(self):
        fn = self.handler("s = awslambda.HttpResponseStream.from_(stream, {'statusCode': 404, 'headers': {'a': 'b'}})\ns.write('x')")
        request = fn.run()
        self.assertEqual(request.header("Content-Type"), INTEGRATION)
        self.assertEqual(request.body, b'{"statusCode": 404, "headers": {"a": "b"}}' + bytes(8) + b"x")
        fn = self.handler("awslambda.HttpResponseStream.from_(stream, {'status': 404})")
        self.assertIn("'status' has no meaning here", fn.run().json["errorMessage"])

    def test_misuse(self):
        for body, text in (
            ("stream.write('a')\nstream.set_content_type('b')", "after the first write"),
            ("stream.write('a')\nawslambda.HttpResponseStream.from_(stream, {})", "must be the first piece"),
            ("with stream: stream.write('a'); raise ValueError('in the block')", "in the block"),
        ):
            with self.subTest(text):
                self.assertIn(text, self.handler(body).run().trailer_error["errorMessage"])

    def test_the_stack_has_frames_of_the_function_only(self):
        fn = self.handler("stream.write('a')\nstream.write(1)")
        stack = fn.run().trailer_error["stackTrace"]
        self.assertEqual([line.split(",")[0] for line in stack], [f'  File "{fn.root}/app.py"'])

    def test_an_error_after_the_end_is_logged_only(self):
        fn = self.handler("stream.end('all')\nstream.write('more')")
        request = fn.run()
        self.assertEqual((request.chunks, request.trailers), ([b"all"], {}))
        fn.eventually(lambda f: "write after the end of the response stream" in f.log)

    def test_the_end_leaves_before_the_handler_returns(self):
        fn = self.start(
            with_wait(
                """
                import awslambda
                from waiting import wait_for
                @awslambda.streamify_response
                def handler(event, stream, context):
                    stream.end("all")
                    wait_for("seen")
                    print("later")
                """
            )
        )
        request = fn.api.answer(fn.api.invoke()).until(lambda r: r.complete)
        self.assertNotIn("later", fn.stdout)
        fn.touch("seen")
        fn.settle(request)
        fn.eventually(lambda f: "later" in f.stdout)

    def test_http_response_shapes(self):
        fn = self.start(
            """
            import awslambda
            def handler(event, context):
                yield awslambda.http_response(**event)
            """
        )
        for event, prelude in (
            ({}, {"statusCode": 200, "headers": {}}),
            (
                {"headers": {"A": ["1", 2], "Set-Cookie": "x=y", "N": 5}, "cookies": ["a=b"]},
                {"statusCode": 200, "headers": {"A": "1, 2", "N": "5"}, "cookies": ["a=b", "x=y"]},
            ),
            ({"headers": [["A", "1"], ["a", "2"]]}, {"statusCode": 200, "headers": {"A": "1, 2"}}),
        ):
            with self.subTest(event):
                self.assertEqual(json.loads(fn.run(event).body.removesuffix(bytes(8))), prelude)
        for event in ({"status_code": "200"}, {"status_code": 99}, {"cookies": "a=b"}):
            with self.subTest(event):
                self.assertTrue(fn.run(event).path.endswith("/error"))

    def test_a_returned_http_response_has_no_body(self):
        fn = self.start("import awslambda\ndef handler(event, context): return awslambda.HttpResponse(204)")
        self.assertEqual(fn.run().body, b'{"statusCode": 204, "headers": {}}' + bytes(8))
