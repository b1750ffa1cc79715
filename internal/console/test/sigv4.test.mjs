import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import test from 'node:test'
import { emptyHash, sha256, sign, stamp } from '../assets/sigv4.mjs'

// The credentials and the time of AWS's published examples.
const example = {
  key: 'AKIDEXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
  service: 'service',
  method: 'GET',
  headers: { Host: 'example.amazonaws.com', 'X-Amz-Date': '20150830T123600Z' },
  hash: emptyHash,
}

const signature = (authorization) => /Signature=([0-9a-f]{64})$/.exec(authorization)[1]

test('signs the published example get-vanilla', async () => {
  assert.equal(
    await sign({ ...example, url: 'https://example.amazonaws.com/' }),
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  )
})

test('signs the published example get-vanilla-query-order-key-case', async () => {
  const authorization = await sign({ ...example, url: 'https://example.amazonaws.com/?Param2=value2&Param1=value1' })
  assert.equal(signature(authorization), 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500')
})

test('signs the published example of IAM', async () => {
  const authorization = await sign({
    ...example,
    service: 'iam',
    url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
    headers: { host: 'iam.amazonaws.com', 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', 'x-amz-date': '20150830T123600Z' },
  })
  assert.equal(signature(authorization), '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
})

test('signs a path twice escaped, a query sorted and escaped, and the body', async () => {
  const body = Buffer.from('{"a":"é"}')
  const hash = createHash('sha256').update(body).digest('hex')
  assert.equal(await sha256(body), hash)
  const authorization = await sign({
    ...example,
    method: 'POST',
    hash,
    url: "http://localhost:9000/2015-03-31/functions/a%3Ab/invocations?b=x%20y&a=(1)*'!&b=%2B",
    headers: { ...example.headers, 'x-amz-content-sha256': hash, 'x-two': '  a   b ' },
  })
  const canonical = [
    'POST',
    '/2015-03-31/functions/a%253Ab/invocations',
    'a=%281%29%2A%27%21&b=%2B&b=x%20y',
    'host:example.amazonaws.com',
    `x-amz-content-sha256:${hash}`,
    'x-amz-date:20150830T123600Z',
    'x-two:a b',
    '',
    'host;x-amz-content-sha256;x-amz-date;x-two',
    hash,
  ].join('\n')
  const scope = '20150830/us-east-1/service/aws4_request'
  const toSign = ['AWS4-HMAC-SHA256', '20150830T123600Z', scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const hmac = (key, data) => createHmac('sha256', key).update(data).digest()
  const key = scope.split('/').reduce(hmac, 'AWS4' + example.secret)
  assert.equal(signature(authorization), hmac(key, toSign).toString('hex'))
})

test('writes times as X-Amz-Date', () => {
  assert.equal(stamp(new Date('2015-08-30T12:36:00.123Z')), '20150830T123600Z')
})
