// Publishes by MQTT what comes on standard input, a line for each message:
// node publish.mjs <broker>
//
// A line is a topic, a space and the payload. The answer is a line as well, once
// the broker has acknowledged the message.
import mqtt from 'mqtt'
import readline from 'node:readline'

const client = await mqtt.connectAsync(process.argv[2], { reconnectPeriod: 0 })
for await (const line of readline.createInterface({ input: process.stdin })) {
  const space = line.indexOf(' ')
  await client.publishAsync(line.slice(0, space), line.slice(space + 1), { qos: 1 })
  console.log('acknowledged')
}
await client.endAsync()
