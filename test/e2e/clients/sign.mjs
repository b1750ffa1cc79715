// Calls an AWS_IAM Function URL with AWS's signer for JavaScript and prints what it
// answers. Usage: node sign.mjs ADDRESS HOST KEY SECRET
import { request } from 'node:http'
import { Sha256 } from '@aws-crypto/sha256-js'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'

const [address, host, accessKeyId, secretAccessKey] = process.argv.slice(2)
const [hostname, port] = address.split(':')
const signer = new SignatureV4({ service: 'lambda', region: 'us-east-1', credentials: { accessKeyId, secretAccessKey }, sha256: Sha256 })
const body = '{"signed":true}'
const signed = await signer.sign(new HttpRequest({
  method: 'POST', hostname, path: '/a/b', query: { x: '1', y: 'a b' }, headers: { host, 'content-type': 'application/json' }, body,
}))
request({ hostname, port, method: 'POST', path: '/a/b?x=1&y=a%20b', headers: signed.headers }, async response => {
  let text = ''
  for await (const chunk of response) text += chunk
  console.log(response.statusCode, text)
}).end(body)
