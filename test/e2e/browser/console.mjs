// Drives the console in Chromium and prints, as JSON, what was seen:
// node console.mjs <url of the console> <part> [what the part needs]. With
// SLUICE_SCREENSHOTS, a folder, it leaves console.png there.
import { appendFile } from 'node:fs/promises'
import { expected, newPage, picture, run, seen, wide } from './chromium.mjs'

const [url, part, keys] = process.argv.slice(2)
seen.wide = []
const patience = { timeout: 60000 }
let page

async function open(hash, options) {
  page = await newPage([new URL('/', url).href], options)
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', event => console.error('policy', event.blockedURI, event.violatedDirective)))
  await page.goto(url + hash)
}

const button = name => page.getByRole('button', { name, exact: true })
const live = () => page.getByRole('region', { name: 'Live stream' })
// event is the field for one, which has to be chosen where there is a Function URL.
const event = async text => {
  const field = page.getByLabel('Event', { exact: true })
  await button('Invoke').waitFor(patience)
  if (await field.count() === 0) await page.getByText('Event as JSON').click()
  await field.fill(text)
}
const choice = name => page.getByRole('combobox', { name, exact: true })
const pane = name => page.getByRole('region', { name, exact: true })
const status = () => live().getByRole('status')
const said = text => status().filter({ hasText: text }).waitFor(patience)

// sampled notes what `look`, a function of the page, returns, as often as it
// changes, until a status begins with `last`.
async function sampled(look, last, act) {
  await page.evaluate(`globalThis.samples = []; globalThis.look = ${look}; (function again() {
    const now = globalThis.look()
    if (JSON.stringify(now) !== JSON.stringify(samples.at(-1))) samples.push(now)
    requestAnimationFrame(again)
  })()`)
  await act()
  await said(last)
  return page.evaluate(() => globalThis.samples)
}

// fits notes pages that are wider than the screen.
async function fits(name) {
  if (await wide(page)) seen.wide.push(name)
}

const ticks = `() => ({
  ticks: (document.querySelector('.body .text')?.textContent.match(/tick/g) ?? []).length,
  dots: document.querySelectorAll('.timeline .dot').length,
})`

const parts = {
  // The list, its live rates, and the way from it to a function.
  async list() {
    await open('')
    const rows = page.getByRole('table').getByRole('row')
    await rows.nth(4).waitFor(patience)
    await page.getByText('streams', { exact: true }).first().waitFor(patience)
    seen.rows = await rows.allInnerTexts()
    await page.request.get(new URL('/lambda-url/Ticker/?count=1&pause=0', url).href)
    await page.getByRole('row', { name: 'Ticker' }).getByText('1 call').waitFor(patience)
    await page.getByRole('link', { name: 'Ticker', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Ticker' }).waitFor(patience)
    await page.getByText('nodejs20.x, 256 MB, at most 20 s').click()
    seen.facts = await page.locator('details .facts').innerText()
    seen.title = await page.title()
  },

  // Chunks are there while they arrive.
  async watch() {
    await open('#/f/Ticker')
    await event('{"count": 8, "pause": 300}')
    seen.samples = await sampled(ticks, 'Complete', () => button('Invoke').click())
    seen.status = await status().textContent()
  },

  // The same request both ways: one pane fills while the other waits.
  async compare() {
    await open('#/f/Ticker')
    await page.getByLabel('Query').fill('count=8&pause=300')
    seen.sides = await sampled(`() => Object.fromEntries(['Streamed', 'Buffered'].map(name => {
      const pane = document.querySelector('section[aria-label=' + name + ']')
      return [name, { ticks: (pane?.querySelector('.text')?.textContent.match(/tick/g) ?? []).length, axis: [...(pane?.querySelectorAll('.tick') ?? [])].map(tick => tick.textContent).join(' ') }]
    }))`, 'Streaming', () => button('Compare with buffered').click())
    seen.status = await status().textContent()
    seen.calls = await page.locator('.pane code.break').allTextContents()
    await pane('Buffered').getByText(/^(warm|cold)/).waitFor(patience)
    await fits('compare')
    await page.goto(url + '#/f/Echo')
    await page.getByRole('heading', { name: 'Echo' }).waitFor(patience)
    await button('Compare with buffered').click()
    await said('Streaming')
    seen.alike = await status().textContent()
  },

  // Where the pace begins is drawn for the limits that the server has.
  async pace() {
    await open('#/f/Ticker')
    await event('{"count": 6, "pause": 0, "size": 262144}')
    await button('Invoke').click()
    await said('Complete')
    seen.pace = await pane('Streamed').locator('.knee-note').textContent()
    await button('Compare with buffered').click()
    await said('Streaming')
    await pane('Streamed').locator('.knee-note').waitFor(patience)
    seen.unpaced = await pane('Buffered').locator('.knee-note').count()
    seen.axes = await Promise.all(['Streamed', 'Buffered'].map(async name => (await pane(name).locator('.tick').allTextContents()).join(' ')))
    await page.getByRole('link', { name: /^[0-9a-f]{8}$/ }).first().click()
    await page.getByRole('heading', { name: 'Timeline' }).waitFor(patience)
    // Also for who comes straight here: the picture may be there before the limits are.
    await page.route('**/_sluice/events', async route => {
      await page.locator('.timeline .knee-note').waitFor(patience)
      await route.continue()
    })
    await page.reload()
    await page.locator('.timeline .knee-note').getByText('1 MB').waitFor({ timeout: 10000 })
    seen.timeline = await page.locator('.timeline .knee-note').textContent()
    seen.record = await page.getByRole('region', { name: 'Record' }).innerText()
  },

  // What README shows: the same answer both ways, in the middle of it.
  async picture() {
    await open('#/f/Story')
    await button('Compare with buffered').click() // the environments get warm
    await said('Streaming')
    await button('Compare with buffered').click()
    await page.evaluate(() => document.getElementById('stream').scrollIntoView())
    const half = await page.waitForFunction(() => document.querySelector('.pane .text')?.textContent.includes('behind the gate') && { waiting: document.querySelectorAll('.pane .waiting').length }, null, patience)
    Object.assign(seen, await half.jsonValue())
    await picture(page, 'console.png', { animations: 'disabled' })
    await said('Streaming')
  },

  // A request to the Function URL, with all that belongs to it.
  async request() {
    await open('#/f/Ticker')
    await choice('Method').selectOption('POST')
    await page.getByLabel('Path').fill('/some/path')
    await page.getByLabel('Query').fill('count=2&pause=0')
    await page.getByLabel('Headers').fill('x-one: 1\nbad')
    await button('Invoke').click()
    seen.alert = await page.getByRole('alert').textContent()
    await page.getByLabel('Headers').fill('x-one: 1\nCookie: a=b')
    seen.cookie = await page.getByRole('alert').textContent()
    await page.getByLabel('Headers').fill('x-one: 1')
    await page.getByLabel('Body', { exact: true }).fill('a body')
    await button('Invoke').click()
    await said('Complete')
    await page.locator('.head summary').click()
    seen.headers = await page.locator('.headers').textContent()
    await page.goto(url + '#/f/Echo')
    await page.getByRole('heading', { name: 'Echo' }).waitFor(patience)
    await choice('Method').selectOption('PUT')
    await page.getByLabel('Path').fill('/a b')
    await page.getByLabel('Query').fill('x=1')
    await page.getByLabel('Headers').fill('x-one: 1')
    await page.getByLabel('Body', { exact: true }).fill('a body')
    await button('Invoke').click()
    await said('Complete')
    seen.echo = JSON.parse(await page.locator('.body .text').textContent())
    await page.reload()
    await button('Invoke').waitFor(patience)
    seen.kept = await page.getByLabel('Body', { exact: true }).inputValue()
  },

  // An environment serves, waits, and stops when the code changes.
  async environments() {
    await open('#/f/Plain')
    const rows = page.getByRole('region', { name: 'Environments' })
    await page.getByText('There is none now').waitFor(patience)
    await page.goto(url + '#/f/Ticker')
    await page.getByLabel('Query').fill('count=10&pause=200')
    await button('Invoke').click()
    await rows.getByText('serving').first().waitFor(patience)
    await rows.getByText(/bytes, \d+ chunks/).first().waitFor(patience)
    seen.busy = await rows.getByRole('row').allInnerTexts()
    await said('Complete')
    await rows.getByText('idle').first().waitFor(patience)
    await page.waitForFunction(() => document.querySelectorAll('.strip .busy').length > 0, null, patience)
    seen.strip = await rows.getByRole('img').first().getAttribute('aria-label')
    await fits('environments')
    await appendFile(keys, '// changed\n')
    await rows.getByText('stopped').first().waitFor(patience)
  },

  // Past invocations: found, sorted, more of them, and one with its log and timeline.
  async past() {
    await open('')
    const call = path => page.request.get(new URL('/lambda-url/' + path, url).href).catch(() => {})
    for (let i = 0; i < 23; i++) await Promise.all(Array.from({ length: 10 }, () => call('Echo/')))
    await call('Ticker/?count=3&pause=40')
    await call('Ticker/?count=2&pause=0&fail=1')
    await page.getByRole('link', { name: 'Invocations', exact: true }).click()
    const note = page.getByRole('main').getByRole('status')
    await note.getByText('200 invocations, the newest').waitFor(patience)
    await button('Load older ones').click()
    await note.getByText(/^2[3-9]\d invocations\.$/).waitFor(patience)
    const rows = page.getByRole('region', { name: 'Invocations' }).locator('tbody tr')
    seen.newest = await rows.first().innerText()
    for (let i = 0; i < 2; i++) await page.getByRole('button', { name: /^Bytes/ }).click()
    seen.sorted = await page.locator('[aria-sort=ascending]').innerText()
    await page.getByLabel('Filter').fill('error')
    await choice('Mode').selectOption('streamed')
    await choice('Function').selectOption('Ticker')
    await choice('Time').selectOption('1h')
    await choice('Ending').selectOption('function-error')
    await note.getByText(/^[12] invocations?/).waitFor(patience)
    seen.address = await page.evaluate(() => location.hash)
    await fits('invocations')
    await page.reload()
    await note.getByText(/^[12] invocations?/).waitFor(patience)
    await page.getByLabel('Filter').fill('nothing like it')
    await note.getByText('None matches.').waitFor(patience)
    await button('Clear the filters').click()
    await rows.filter({ hasText: 'complete' }).filter({ hasText: 'Ticker' }).first().getByRole('link').first().click()
    await page.getByText('ticked').waitFor(patience)
    await page.getByRole('heading', { name: 'Timeline' }).waitFor(patience)
    seen.timeline = await page.locator('.timeline').getAttribute('aria-label')
    seen.record = await page.getByRole('region', { name: 'Record' }).innerText()
    await page.getByText('The numbers').click()
    seen.points = await page.locator('.numbers-table tbody tr').count()
    await page.goto(url + '#/i/none')
    await page.getByText('There is no record').waitFor(patience)
  },

  // Charts over time, also for those who can't see them, and live.
  async charts() {
    await open('#/charts?function=Plain')
    await page.getByText('Nothing was invoked in this time').waitFor(patience)
    await choice('Function').selectOption('Ticker')
    await page.request.get(new URL('/lambda-url/Ticker/?count=2&pause=0', url).href)
    const card = name => page.getByRole('region', { name, exact: true })
    await card('Invocations and errors').locator('.bar-good').first().waitFor(patience)
    const count = async () => parseInt(await card('Invocations and errors').locator('strong').textContent())
    seen.before = await count()
    await page.request.get(new URL('/lambda-url/Ticker/?count=1&pause=0', url).href)
    await page.waitForFunction(before => parseInt(document.querySelector('.card strong').textContent) > before, seen.before, patience)
    seen.after = await count()
    seen.described = {}
    for (const name of ['Invocations and errors', 'First byte', 'Duration', 'Bytes', 'Cost on AWS']) {
      const chart = card(name)
      await chart.getByText('The numbers').click()
      seen.described[name] = [await chart.locator('svg > title').textContent(), await chart.locator('svg > desc').textContent(), String(await chart.locator('tbody tr').count())]
    }
    seen.address = await page.evaluate(() => location.hash)
    await fits('charts')
  },

  // Links can be clicked though what is around them is drawn several times a second.
  async click() {
    const press = async link => {
      await page.goto(url + '#/f/Ticker')
      await page.getByLabel('Query').fill('count=150&pause=100')
      await button('Invoke').click()
      const id = (await pane('Streamed').getByRole('link').first().textContent()).slice(0, 8)
      // It may be drawn anew, or moved by what comes above it, before the pointer is there.
      for (let over = ''; over !== id;) {
        const { x, y } = await link(id).evaluate(element => {
          element.scrollIntoView({ block: 'center' })
          const { x, y, width, height } = element.getBoundingClientRect()
          return { x: x + width / 2, y: y + height / 2 }
        })
        await page.mouse.move(x, y)
        over = await page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.closest('a')?.textContent, [x, y])
      }
      const dots = await page.locator('.timeline .dot').count()
      await page.mouse.down()
      await page.waitForFunction(dots => document.querySelectorAll('.timeline .dot').length > dots + 8, dots, patience)
      await page.mouse.up()
      await page.getByRole('heading', { level: 1, name: 'Invocation ' + id }).waitFor(patience)
    }
    await open('')
    await press(id => pane('Streamed').getByRole('link', { name: id }))
    await press(id => page.getByRole('region', { name: 'Environments' }).getByRole('link', { name: id }))
  },

  // A stream that breaks, and one that is stopped.
  async trouble() {
    await open('#/f/Ticker')
    await event('{"count": 2, "pause": 0, "fail": true}')
    await button('Invoke').click()
    await said('Ended')
    seen.status = await status().textContent()
    await event('{"count": 1000, "pause": 100}')
    await button('Invoke').click()
    await page.getByText('tick 2').waitFor(patience)
    await button('Stop').click()
    await said('Stopped')
    await event('{')
    await button('Invoke').click()
    seen.alert = await page.getByRole('alert').first().textContent()
    seen.focus = await page.evaluate(() => document.activeElement.id)
  },

  // Everything can be done without a mouse.
  async keyboard() {
    await open('')
    await page.getByRole('link', { name: 'Ticker', exact: true }).waitFor(patience)
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id)
    await page.keyboard.press('Tab')
    seen.first = await focused()
    await page.keyboard.press('Enter')
    seen.skipped = await page.evaluate(() => document.activeElement.id)
    for (let i = 0; i < 30 && (await focused()) !== 'Ticker'; i++) await page.keyboard.press('Tab')
    seen.ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
    await page.keyboard.press('Enter')
    await button('Invoke').waitFor(patience)
    for (let i = 0; i < 30 && (await page.evaluate(() => document.activeElement.placeholder)) !== 'name=value&…'; i++) await page.keyboard.press('Tab')
    await page.keyboard.type('count=2&pause=0')
    await page.keyboard.press('Enter')
    await said('Complete')
    seen.status = await status().textContent()
  },

  // A small screen scrolls in one direction only.
  async phone() {
    await open('', { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true })
    await page.getByRole('link', { name: 'Ticker', exact: true }).waitFor(patience)
    await fits('list')
    await page.getByRole('link', { name: 'Ticker', exact: true }).tap()
    await event('{"count": 3, "pause": 0}')
    await button('Invoke').tap()
    await said('Complete')
    await fits('function')
    await page.getByRole('table').getByRole('link').first().tap()
    await page.getByText('ticked').waitFor(patience)
    await fits('invocation')
    for (const name of ['Invocations', 'Charts']) {
      await page.getByRole('link', { name, exact: true }).first().tap()
      await page.getByRole('heading', { name, level: 1 }).waitFor(patience)
      await page.getByRole('link', { name, exact: true }).first().waitFor()
      await fits(name)
    }
  },

  // A server with credentials asks for them, and its refusals are explained.
  async credentials() {
    const [reader, admin] = JSON.parse(keys)
    const enter = async ({ key, secret }) => {
      await page.getByLabel('Access key ID').fill(key)
      await page.getByLabel('Secret access key').fill(secret)
      await button('Use these').click()
    }
    await open('')
    await page.getByRole('heading', { name: 'This server asks for credentials' }).waitFor(patience)
    seen.focus = await page.evaluate(() => document.activeElement.closest('label').innerText)
    await enter({ key: reader.key, secret: 'not the secret at all' })
    seen.wrong = await page.getByRole('alert').textContent()
    await enter(reader)
    await page.getByRole('link', { name: 'ticker', exact: true }).click()
    await event('{"count": 1, "pause": 0}')
    await button('Invoke').click()
    await status().getByRole('alert').waitFor(patience)
    seen.refused = await status().textContent()
    await page.getByText('Function URL', { exact: true }).click()
    await button('Invoke').click()
    await said('Forbidden')
    seen.forbidden = await status().textContent()
    await button('Forget credentials').click()
    await enter(admin)
    await event('{"count": 1, "pause": 0}')
    await button('Invoke').click()
    await said('Complete')
    await page.getByText('Function URL', { exact: true }).click()
    await page.getByLabel('Query').fill('count=1&pause=0')
    await button('Invoke').click()
    await page.locator('.head').waitFor(patience)
    await said('Complete')
    seen.stored = await page.evaluate(() => [localStorage.length, document.cookie])
    expected(/the server responded with a status of 403/)
  },
}

await run(async () => {
  await parts[part]()
  await fits(part)
})
