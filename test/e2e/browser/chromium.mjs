// Chromium as the scripts of this folder drive it. SLUICE_CHROMIUM is its path.
import path from 'node:path'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: process.env.SLUICE_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

// seen is what a script prints. It begins with what no page may do: complain, or send
// requests to elsewhere.
export const seen = { complaints: [], foreign: [] }

// newPage is an empty page that may ask for what begins with one of `own`.
export async function newPage(own, options) {
  const page = await browser.newPage({ colorScheme: 'light', viewport: { width: 1200, height: 750 }, ...options })
  page.on('console', message => {
    if (['warning', 'error'].includes(message.type())) seen.complaints.push(message.text())
  })
  page.on('pageerror', error => seen.complaints.push(String(error)))
  page.on('request', request => {
    if (!own.some(prefix => request.url().startsWith(prefix))) seen.foreign.push(request.url())
  })
  return page
}

// expected takes what a test provokes out of the complaints, and returns it.
export function expected(pattern) {
  const taken = seen.complaints.filter(complaint => pattern.test(complaint))
  seen.complaints = seen.complaints.filter(complaint => !taken.includes(complaint))
  return taken
}

export const wide = page => page.evaluate(() => document.documentElement.scrollWidth > innerWidth)

// screenshots is a folder, where pictures are asked for.
export const screenshots = process.env.SLUICE_SCREENSHOTS

export async function picture(page, name, options) {
  if (screenshots) await page.screenshot({ path: path.join(screenshots, name), ...options })
}

// run prints what was seen once `act` is through.
export async function run(act) {
  try {
    await act()
    console.log(JSON.stringify(seen))
  } finally {
    await browser.close()
  }
}
