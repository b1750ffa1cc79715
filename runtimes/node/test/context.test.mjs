// docs/contract/node-runtime.md §5, §7: the context object, _X_AMZN_TRACE_ID,
// awslambda.InvokeStore.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start } from './support/harness.mjs'

const DESCRIBE = `
  const describe = context => ({
    ...JSON.parse(JSON.stringify(context)),
    remaining: context.getRemainingTimeInMillis(),
    members: Object.keys(context).sort(),
  })`
const EVENT_HEADERS = {
  'Lambda-Runtime-Client-Context': '{"custom":{"a":"ż"}}',
  'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
  'Lambda-Runtime-Aws-Tenant-Id': 'tenant-1',
}
const COMMON = [
  'awsRequestId', 'clientContext', 'functionName', 'functionVersion', 'getRemainingTimeInMillis', 'identity',
  'invokedFunctionArn', 'logGroupName', 'logStreamName', 'memoryLimitInMB', 'tenantId',
]

for (const [name, generation, streaming, extra] of [
  ['generation 3, buffered', 3, false, ['callbackWaitsForEmptyEventLoop', 'done', 'fail', 'succeed']],
  ['generation 3, streaming', 3, true, ['callbackWaitsForEmptyEventLoop']],
  ['generation 4, buffered', 4, false, ['xRayTraceId']],
  ['generation 4, streaming', 4, true, ['xRayTraceId']],
]) {
  test(`context: ${name}`, async t => {
    const source = streaming
      ? `${DESCRIBE}; export const handler = awslambda.streamifyResponse(async (e, s, c) => { s.write(JSON.stringify(describe(c))); s.end() })`
      : `${DESCRIBE}; export const handler = async (e, c) => describe(c)`
    const fn = await start(t, source, { generation })
    const call = fn.invoke({}, EVENT_HEADERS)
    const context = (await call.done).json
    assert.deepEqual(context.members, [...COMMON, ...extra].sort())
    assert.equal(context.awsRequestId, call.id)
    assert.equal(context.functionName, 'test')
    assert.equal(context.functionVersion, '$LATEST')
    assert.equal(context.memoryLimitInMB, '128')
    assert.equal(context.logGroupName, '/aws/lambda/test')
    assert.equal(context.invokedFunctionArn, 'arn:aws:lambda:us-east-1:123456789012:function:test')
    assert.deepEqual(context.clientContext, { custom: { a: 'ż' } })
    assert.deepEqual(context.identity, { cognitoIdentityId: 'i', cognitoIdentityPoolId: 'p' })
    assert.equal(context.tenantId, 'tenant-1')
    assert.ok(context.remaining > 0 && context.remaining <= 30_000)
    if (generation === 4) assert.match(context.xRayTraceId, /^Root=1-/)
  })
}

test('_X_AMZN_TRACE_ID follows the event, and is gone without one', async t => {
  const fn = await start(t, 'export const handler = async () => process.env._X_AMZN_TRACE_ID ?? "none"')
  assert.match((await fn.run()).json, /^Root=1-/)
  assert.equal((await fn.run({}, { 'Lambda-Runtime-Trace-Id': 'Root=2' })).json, 'Root=2')
  assert.equal((await fn.run({}, { 'Lambda-Runtime-Trace-Id': undefined })).json, 'none')
})

test('awslambda.InvokeStore of generation 4', async t => {
  const fn = await start(t, `
    export const handler = async () => {
      const store = awslambda.InvokeStore
      await new Promise(resolve => setTimeout(resolve, 5))
      store.set('mine', 1)
      let refused
      try { store.set(Symbol.for('_AWS_LAMBDA_REQUEST_ID'), 'x') } catch (error) { refused = error.message }
      return [store.getRequestId(), store.getXRayTraceId(), store.getTenantId(), store.get('mine'), store.hasContext(),
        store.getContext() !== undefined, refused, store.run({ mine: 2 }, () => store.get('mine'))]
    }`, { generation: 4 })
  for (let i = 0; i < 2; i++) {
    const call = fn.invoke({}, { 'Lambda-Runtime-Aws-Tenant-Id': 'tenant-1', 'Lambda-Runtime-Trace-Id': 'Root=9' })
    assert.deepEqual((await call.done).json, [call.id, 'Root=9', 'tenant-1', 1, true, true,
      'Cannot modify protected Lambda context field: Symbol(_AWS_LAMBDA_REQUEST_ID)', 2])
  }
  const three = await start(t, 'export const handler = async () => typeof awslambda.InvokeStore')
  assert.equal((await three.run()).json, 'undefined')
})
