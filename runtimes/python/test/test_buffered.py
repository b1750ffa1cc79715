"""Handlers with one result; the context; where modules come from."""

from __future__ import annotations

import json
import os
import tempfile

from .harness import ENTRY, RuntimeTest


class Results(RuntimeTest):
    def test_the_result_is_posted_as_json(self):
        fn = self.start("def handler(event, context): return {'got': event, 'ż': [1, None, True]}")
        request_id = fn.api.invoke({"a": "ü"})
        request = fn.settle(fn.api.answer(request_id).until(lambda r: r.over))
        body = '{"got": {"a": "ü"}, "ż": [1, null, true]}'.encode()
        self.assertEqual(request.body, body)
        lines = request.head.decode().split("\r\n")
        self.assertEqual(lines[0], f"POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1")
        self.assertEqual(request.header("Content-Type"), "application/json")
        self.assertEqual(request.header("Content-Length"), str(len(body)))
        self.assertIsNone(request.header("Lambda-Runtime-Function-Response-Mode"))
        self.assertRegex(request.header("User-Agent"), r"^sluice-python/3\.\d+")

    def test_one_connection_by_either_way(self):
        for unix, kind in ((True, "unix"), (False, "tcp")):
            with self.subTest(kind):
                fn = self.start("def handler(event, context): return event", unix=unix)
                for n in range(3):
                    self.assertEqual(fn.run(n).json, n)
                self.assertEqual(fn.api.accepted, [kind])

    def test_a_socket_that_is_not_there_falls_back_to_the_address(self):
        fn = self.start("def handler(event, context): return 1", env={"_SLUICE_RUNTIME_SOCKET": "/nowhere/api.sock"})
        self.assertEqual(fn.run().json, 1)
        self.assertEqual(fn.api.accepted, ["tcp"])

    def test_bytes_are_sent_raw(self):
        fn = self.start("def handler(event, context): return b'\\x00\\xff'")
        request = fn.run()
        self.assertEqual(request.body, b"\x00\xff")
        self.assertEqual(request.header("Content-Type"), "application/unknown")

    def test_async_handlers_share_one_event_loop(self):
        fn = self.start(
            """
            import asyncio
            lock = None
            async def handler(event, context):
                global lock
                loop = asyncio.get_running_loop()
                if lock is None:
                    lock = loop
                await asyncio.sleep(0)
                return lock is loop
            """
        )
        self.assertEqual([fn.run().json, fn.run().json], [True, True])

    def test_tasks_clean_up_when_the_process_ends(self):
        fn = self.start(
            """
            import asyncio
            async def forever():
                try:
                    await asyncio.sleep(1000)
                finally:
                    await asyncio.sleep(0)
                    print("cleaned up")
            async def handler(event, context):
                global task
                task = asyncio.create_task(forever())
                await asyncio.sleep(0)
            """
        )
        self.assertEqual(fn.run().body, b"null")
        fn.api.close()
        self.assertEqual(fn.wait(), 1)
        self.assertIn("cleaned up", fn.stdout)
        self.assertIn("[sluice] the Runtime API at", fn.stderr)

    def test_an_event_with_another_content_type_is_given_raw(self):
        fn = self.start("def handler(event, context): return [type(event).__name__, event.decode()]")
        self.assertEqual(fn.run(headers={"Content-Type": "text/plain"}, body=b"not json").json, ["bytes", "not json"])

    def test_a_large_event_and_a_large_result(self):
        fn = self.start("def handler(event, context): return event")
        text = "x" * (5 << 20)
        self.assertEqual(fn.run(text).json, text)

    def test_the_attempt_is_echoed(self):
        fn = self.start("def handler(event, context):\n  if event: raise ValueError()")
        for event in (0, 1):
            request = fn.run(event, {"Lambda-Runtime-Invocation-Id": "attempt-1"})
            self.assertEqual(request.header("Lambda-Runtime-Invocation-Id"), "attempt-1")


class Context(RuntimeTest):
    def test_the_context_has_everything(self):
        fn = self.start(
            """
            import os
            def handler(event, context):
                c = context
                return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb,
                        c.aws_request_id, c.log_group_name, c.log_stream_name, c.tenant_id,
                        c.client_context, c.identity.cognito_identity_id,
                        type(c.get_remaining_time_in_millis()).__name__,
                        50000 < c.get_remaining_time_in_millis() <= 60000,
                        os.environ.get("_X_AMZN_TRACE_ID"), repr(c).startswith("LambdaContext(")]
            """
        )
        request_id = fn.api.invoke(headers={"Lambda-Runtime-Trace-Id": "Root=1-2-3"})
        request = fn.settle(fn.api.answer(request_id).until(lambda r: r.over))
        self.assertEqual(
            request.json,
            [
                "test", "$LATEST", "arn:aws:lambda:eu-west-1:000000000000:function:test", "128",
                request_id, "/aws/lambda/test", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", None,
                None, None, "int", True, "Root=1-2-3", True,
            ],
        )  # fmt: skip
        self.assertIsNone(fn.run().json[12])
        self.assertIs(fn.run(ms=-5).json[11], False)

    def test_client_context_identity_and_tenant(self):
        fn = self.start(
            """
            def handler(event, context):
                c = context.client_context
                return [c.custom, c.env, c.client.app_title, c.client.app_version_name,
                        context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id, context.tenant_id]
            """
        )
        request = fn.run(
            headers={
                "Lambda-Runtime-Client-Context": json.dumps({"custom": {"a": 1}, "env": {"b": 2}, "client": {"app_title": "t"}}),
                "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
                "Lambda-Runtime-Aws-Tenant-Id": "blue",
            }
        )
        self.assertEqual(request.json, [{"a": 1}, {"b": 2}, "t", None, "i", "p", "blue"])

    def test_a_broken_client_context_fails_the_invocation(self):
        fn = self.start("def handler(event, context): return 1")
        request = fn.run(headers={"Lambda-Runtime-Client-Context": "{"})
        self.assertEqual(request.json["errorType"], "Runtime.LambdaContextUnmarshalError")
        self.assertEqual(fn.run().json, 1)

    def test_context_variables_do_not_leak_into_the_next_invocation(self):
        fn = self.start(
            """
            from contextvars import ContextVar
            mine = ContextVar("mine", default=0)
            def handler(event, context):
                before = mine.get()
                mine.set(event)
                return before
            """
        )
        self.assertEqual([fn.run(1).json, fn.run(2).json], [0, 0])


class Loading(RuntimeTest):
    def test_modules_in_folders(self):
        fn = self.start({"a/b/mod.py": "def f(event, context): return __name__"}, handler="a/b/mod.f")
        self.assertEqual(fn.run().json, "a.b.mod")

    def test_the_search_path(self):
        with tempfile.TemporaryDirectory() as layer:
            with open(os.path.join(layer, "layered.py"), "w") as file:
                file.write("NAME = 'layer'")
            fn = self.start(
                "import sys, layered\ndef handler(event, context): return [sys.path, layered.NAME]", env={"PYTHONPATH": layer}
            )
            path, name = fn.run().json
            self.assertEqual(name, "layer")
            self.assertEqual(path[:2], [fn.root, layer])
            self.assertEqual(path[-1], os.path.dirname(ENTRY))

    def test_names_of_the_runtimes_modules_are_free(self):
        fn = self.start(
            {
                "app.py": "import log, bootstrap, awslambda\ndef handler(event, context): return [log.X, bootstrap.X, awslambda.X]",
                "log.py": "X = 1",
                "bootstrap.py": "X = 2",
                "awslambda.py": "X = 3",
                "sluice_runtime.py": "raise RuntimeError('not this one')",
            }
        )
        self.assertEqual(fn.run().json, [1, 2, 3])

    def test_no_bytecode_is_written_beside_the_function(self):
        with tempfile.TemporaryDirectory() as cache:
            env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
            fn = self.start("def handler(event, context): return 1", env=env)
            fn.run()
            written = [name for _, _, names in os.walk(cache) for name in names]
            self.assertIn("loop", {name.split(".")[0] for name in written})
            self.assertNotIn("app", {name.split(".")[0] for name in written})

    def test_private_variables_are_gone(self):
        fn = self.start(
            "import os\nNAMES = sorted(os.environ)\ndef handler(event, context): return [NAMES, os.environ['_HANDLER']]"
        )
        names, handler = fn.run().json
        self.assertEqual(handler, "app.handler")
        self.assertEqual([n for n in names if n.startswith("_SLUICE") or n.startswith("_LAMBDA")], [])

    def test_a_missing_setting_is_explained(self):
        for env, text in (
            ({"_HANDLER": ""}, "_HANDLER is not set"),
            ({"AWS_LAMBDA_RUNTIME_API": "", "_SLUICE_RUNTIME_SOCKET": ""}, "neither AWS_LAMBDA_RUNTIME_API"),
            ({"_LAMBDA_TELEMETRY_LOG_FD": "77"}, "_LAMBDA_TELEMETRY_LOG_FD is '77'"),
        ):
            with self.subTest(text):
                fn = self.start("", env=env)
                self.assertEqual(fn.wait(), 1)
                self.assertIn("[sluice] the Python runtime can't start: " + text, fn.stderr)
