// Deploys a function to a Lambda endpoint with the AWS SDK and reads its response
// as it arrives. Usage: node deploy.mjs [ENDPOINT]
import { readFile } from 'node:fs/promises'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { CreateFunctionCommand, DeleteFunctionCommand, InvokeWithResponseStreamCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda'

const endpoint = process.argv[2] ?? 'http://127.0.0.1:9000'
const client = new LambdaClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'sluice', secretAccessKey: 'sluice' } })
const FunctionName = 'sdk-js-example'

// One file does not need a library: a zip entry and its directory.
function zip(name, data) {
  const packed = deflateRawSync(data)
  const checksum = gzipSync(data).subarray(-8).readUInt32LE() // gzip ends with it and the length
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  fields.writeUInt16LE(8, 4)
  fields.writeUInt32LE(checksum, 10)
  fields.writeUInt32LE(packed.length, 14)
  fields.writeUInt32LE(data.length, 18)
  fields.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed])
  const entry = Buffer.alloc(46)
  entry.write('PK\x01\x02')
  entry.writeUInt16LE(20, 4)
  fields.copy(entry, 6, 0, 24)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(entry.length + name.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, entry, Buffer.from(name), end])
}

await client.send(new DeleteFunctionCommand({ FunctionName })).catch(error => {
  if (error.name !== 'ResourceNotFoundException') throw error
})
await client.send(new CreateFunctionCommand({
  FunctionName, Runtime: 'nodejs22.x', Handler: 'function.handler', Role: 'arn:aws:iam::123456789012:role/example', Timeout: 10,
  Code: { ZipFile: zip('function.mjs', await readFile(new URL('function.mjs', import.meta.url))) },
}))
await waitUntilFunctionActiveV2({ client, maxWaitTime: 30 }, { FunctionName })

const { EventStream } = await client.send(new InvokeWithResponseStreamCommand({ FunctionName, Payload: JSON.stringify({ words: ['each', 'word', 'on', 'its', 'own'] }) }))
for await (const { PayloadChunk, InvokeComplete } of EventStream) {
  if (PayloadChunk) process.stdout.write(Buffer.from(PayloadChunk.Payload))
  if (InvokeComplete?.ErrorCode) throw new Error(`${InvokeComplete.ErrorCode}: ${InvokeComplete.ErrorDetails}`)
}
await client.send(new DeleteFunctionCommand({ FunctionName }))
