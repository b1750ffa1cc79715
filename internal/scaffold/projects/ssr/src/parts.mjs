// The slow parts of the page, by name. Each returns markup.

import { setTimeout as sleep } from 'node:timers/promises';
import { escape } from './page.mjs';

export const parts = {
  async News() {
    const news = await slowly(1600, ['The frame was here first', 'This part was the slowest', 'No script was needed']);
    return `<ul>${news.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`;
  },

  async Visitor(event) {
    const name = event.queryStringParameters?.name ?? 'stranger';
    return `<p>Welcome, ${escape(await slowly(400, name))}.</p>`;
  },

  async Weather() {
    const { sky, degrees } = await slowly(900, { sky: 'Clear', degrees: 21 });
    return `<p>${escape(sky)}, ${degrees} degrees.</p>`;
  },
};

// Stands for a query or another service.
const slowly = (ms, value) => sleep(ms, value);
