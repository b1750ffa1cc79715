// Drives the chat example in Chromium and prints, as JSON, what was seen:
// node chat.mjs <url> <part>. With SLUICE_SCREENSHOTS, a folder, it leaves
// chat.png there.
import { newPage, picture, run, screenshots, seen, wide } from './chromium.mjs'

const [url, part] = process.argv.slice(2)
let page

async function open(options) {
  page = await newPage([url], options)
  await page.goto(url)
}

const draft = () => page.getByLabel('Your message')
const answer = () => page.locator('#messages > .assistant').last()
const button = name => page.getByRole('button', { name, exact: true })
const length = () => answer().locator('.text').evaluate(e => e.textContent.length)
const idle = () => page.waitForSelector('#messages:not([aria-busy])', { timeout: 60000 })
const longer = than => page.waitForFunction(
  than => [...document.querySelectorAll('#messages > .assistant .text')].at(-1)?.textContent.length > than, than, { timeout: 60000 })

async function ask(text) {
  await draft().fill(text)
  await draft().press('Enter')
}

// grown returns the different lengths of the answer until it is complete.
async function grown() {
  return page.evaluate(() => new Promise(resolve => {
    const lengths = []
    const look = () => {
      const now = [...document.querySelectorAll('#messages > .assistant .text')].at(-1)?.textContent.length ?? 0
      if (now !== lengths.at(-1)) lengths.push(now)
      if (document.querySelector('#messages[aria-busy]')) requestAnimationFrame(look)
      else resolve(lengths)
    }
    look()
  }))
}

// halfway takes a picture in the middle of the second answer.
async function halfway() {
  await ask('Hello!')
  await idle()
  await ask('What is streaming?')
  await longer(250)
  await picture(page, 'chat.png')
}

const parts = {
  // Keys, an answer that grows, Stop, Retry, a new chat.
  async talk() {
    await open()
    await draft().press('Enter')
    await draft().pressSequentially('hello')
    await draft().press('Shift+Enter')
    await draft().pressSequentially('<b>you</b>')
    seen.draft = await draft().inputValue()
    seen.sentTooEarly = await page.locator('#messages > div').count()
    await draft().press('Enter')
    await page.waitForSelector('#messages[aria-busy=true]')
    seen.lengths = await grown()
    seen.question = await page.locator('#messages > .user .text').textContent()
    seen.answer = await answer().locator('.text').textContent()
    seen.focus = await page.evaluate(() => document.activeElement.id)

    await ask('Count to 100')
    await longer(12)
    await draft().fill('a draft')
    await draft().press('Enter') // has to wait
    await button('Stop').click()
    await idle()
    seen.stoppedAt = await length()
    await page.waitForTimeout(600)
    seen.later = await length()
    seen.note = await answer().locator('.note').textContent()
    seen.draftKept = await draft().inputValue()

    await button('Retry').click()
    await longer(12)
    seen.afterRetry = await page.locator('#messages > div').count()
    await button('Stop').click()
    await idle()
    await button('New chat').click()
    seen.cleared = await page.locator('#messages > div').count()
    await button('What is streaming?').click()
    await longer(5)
    await button('New chat').click() // in the middle of an answer
    await page.waitForTimeout(300)
    seen.clearedAgain = await page.locator('#messages > div').count()
    if (screenshots) await halfway()
  },

  // A small screen: the list follows the answer unless the reader is elsewhere.
  async scroll() {
    await open({ viewport: { width: 360, height: 480 }, hasTouch: true, isMobile: true })
    const place = () => page.evaluate(() => {
      const e = document.getElementById('scroll')
      return { top: Math.round(e.scrollTop), below: Math.round(e.scrollHeight - e.scrollTop - e.clientHeight) }
    })
    await ask('What is streaming?')
    await idle()
    seen.followed = await place()
    await ask('Count to 100')
    await longer(5)
    await page.evaluate(() => { document.getElementById('scroll').scrollTop = 10 })
    const before = await length()
    await longer(before + 150)
    seen.stayed = await place()
    await button('↓ Latest').click()
    await longer(await length() + 20)
    seen.followsAgain = await place()
    await button('Stop').click()
    seen.wide = await wide(page)
  },

  // The first answer fails, the second breaks off, the third is complete.
  async retry() {
    await open()
    await ask('anything')
    seen.notes = []
    for (let i = 0; i < 2; i++) {
      await idle()
      seen.notes.push(await answer().getByRole('alert').textContent())
      await button('Retry').click()
    }
    await idle()
    seen.answer = await answer().locator('.text').textContent()
    seen.alerts = await page.getByRole('alert').count()
    seen.items = await page.locator('#messages > div').count()
    // The conversation goes along with the next question.
    await ask('and more')
    await idle()
  },
}

await run(parts[part])
