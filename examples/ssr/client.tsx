// What the browser runs: it brings the page to life while the page still arrives.

import './environment';

import { hydrateRoot } from 'react-dom/client';

import { Page } from './page';
import { type Arrived, type Name, Source, dataId } from './source';

const source = new Source(async (name, attempt) => arrived(name) ?? fetchPart(name, attempt));

hydrateRoot(document, <Page source={source} version={document.documentElement.dataset.version!} />, {
  // Parts that failed in the function are rendered here once more. The digest is
  // the request id: with it the function's log says why.
  onRecoverableError(error) {
    const digest = (error as { digest?: string }).digest;
    if (digest) console.info(`A part is rendered again here; the log of request ${digest} says why.`);
    else console.error(error);
  },
  // The reader sees it in the part's place.
  onCaughtError(error) {
    console.info(String(error));
  },
});

/** The data of a part that came with the page. */
function arrived(name: Name): Arrived<Name> | null {
  const element = document.getElementById(dataId(name));
  return element && JSON.parse(element.textContent);
}

/** Asks the function for a part that it couldn't render. */
async function fetchPart(name: Name, attempt: number): Promise<Arrived<Name>> {
  const query = new URLSearchParams(location.search);
  // The first attempt was the function's own.
  query.set('attempt', String(attempt + 1));
  const response = await fetch(`parts/${name}?${query}`);
  if (!response.ok) throw new Error(`${name}: status ${response.status}`);
  return response.json();
}
