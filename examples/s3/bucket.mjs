// The bucket: its objects by key, and its failures as sentences.

import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'

import { isPlain } from './key.mjs'
import { Refusal } from './refusal.mjs'

const { S3_BUCKET: Bucket, S3_PREFIX: prefix = '', S3_ENDPOINT: endpoint } = process.env

// Credentials and region come with the function. A store of one's own rarely has
// a host name for each bucket.
const client = new S3Client({
  ...(endpoint && { endpoint, forcePathStyle: true }),
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
})

/** The objects that follow a key, and the key to go on after if there are more. */
export async function list(after, most) {
  const page = await send(new ListObjectsV2Command({
    Bucket, Prefix: prefix, MaxKeys: most, ...(after && { StartAfter: prefix + after }),
  }))
  const all = (page.Contents ?? []).map(({ Key, Size, LastModified }) => ({ key: Key.slice(prefix.length), size: Size, modified: LastModified }))
  return {
    // A key that ends in a slash is what some programs make of a folder.
    objects: all.filter(({ key }) => isPlain(key) && !key.endsWith('/')),
    next: page.IsTruncated ? all.at(-1)?.key ?? null : null,
  }
}

/** What there is to know of an object without its bytes. */
export function look(key) {
  return send(new HeadObjectCommand({ Bucket, Key: prefix + key, ChecksumMode: 'ENABLED' }))
}

/**
 * An object with its Body, or its bytes from first to last of the version that was
 * looked at. With ChecksumMode the SDK checks a whole Body as it passes and breaks
 * it off at the end if it is damaged.
 */
export function open(key, { etag, first, last } = {}) {
  return send(new GetObjectCommand({
    Bucket, Key: prefix + key,
    ...(etag && { IfMatch: etag }),
    ...(first === undefined ? { ChecksumMode: 'ENABLED' } : { Range: `bytes=${first}-${last}` }),
  }))
}

async function send(command) {
  try {
    return await client.send(command)
  } catch (error) {
    throw explain(error)
  }
}

// What the store says may name buckets, accounts and hosts, so it is for the log.
function explain(error) {
  const status = error.$metadata?.httpStatusCode
  switch (error.name) {
    case 'NoSuchBucket':
      return failed(error, 'The store has no such bucket: the parameter Bucket is not right.')
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'ExpiredToken':
    case 'InvalidToken':
    case 'CredentialsProviderError':
      return failed(error, "The store does not accept the function's credentials.")
    case 'InvalidObjectState':
      return new Refusal(409, 'The object is archived. It has to be restored before it can be downloaded.')
  }
  switch (status) {
    case 404:
      return new Refusal(404, 'There is no such object.')
    case 403:
      console.error(`S3 refuses: ${error.name}: ${error.message}`)
      return new Refusal(403, 'The function is not allowed to read this.')
    case 412:
      return new Refusal(503, 'The object has just been replaced. Try again.', { 'retry-after': '1' })
    case 429:
    case 503:
      console.error(`S3 is busy: ${error.name}: ${error.message}`)
      return new Refusal(503, 'The store has too much to do. Try again in a while.', { 'retry-after': '5' })
  }
  return failed(error, status ? 'The store has failed. The log of the function says how.' : "The store can't be reached. The log of the function says why.")
}

function failed(error, message) {
  console.error(`S3 failed: ${error.name}: ${error.message}`)
  return new Refusal(502, message)
}
