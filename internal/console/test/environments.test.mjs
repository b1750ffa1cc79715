import assert from 'node:assert/strict'
import test from 'node:test'

globalThis.location = { origin: 'http://localhost:9000' }
const { Past } = await import('../assets/environments.mjs')

const at = (t) => new Date(t).toISOString()
const environment = (state, since, more) => ({ stream: 's', function: 'f', state, created: at(1000), since: at(since), ...more })

test('draws what an environment did from its state and its records', () => {
  const past = new Past()
  past.see([environment('starting', 1000)], 1500)
  past.see([environment('busy', 2000)], 2500)
  past.see([environment('idle', 3000)], 9000)
  const records = [
    { stream: 's', time: at(2000), durationMs: 1000, initMs: 0 },
    { stream: 'other', time: at(2000), durationMs: 9000, initMs: 0 },
  ]
  const [{ state, spans }] = past.strips(records, 0, 9000)
  assert.equal(state, 'idle')
  assert.deepEqual(spans, [{ kind: 'idle', from: 1000, to: 9000 }, { kind: 'starting', from: 1000, to: 2000 }, { kind: 'busy', from: 2000, to: 3000 }])
})

test('cuts off what is out of sight, and shows for a while what has stopped', () => {
  const past = new Past()
  past.see([environment('busy', 2000)], 4000)
  assert.deepEqual(past.strips([], 3000, 4000)[0].spans.map(({ from, to }) => [from, to]), [[3000, 4000], [3000, 4000]])
  past.see([], 5000)
  const [stopped] = past.strips([], 0, 6000)
  assert.deepEqual([stopped.state, stopped.spans.at(0).to], ['stopped', 5000])
  past.see([], 60_000)
  assert.deepEqual(past.strips([], 0, 60_000), [])
})
