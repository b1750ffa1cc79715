// The page, as the function renders it and the browser takes it over.

import { type ReactNode, Component, Suspense, use, useEffect, useState } from 'react';

import { type Name, type Parts, type Source, SourceContext, dataId } from './source';

const lamp = { name: 'Fieldfare desk lamp', price: 8900 };

export function Page({ source, version }: { source: Source; version: string }) {
  return (
    <Document title={lamp.name} version={version}>
      <header>
        <p className="shop">Tern &amp; Daughters</p>
        <p>Lamps since 1931</p>
      </header>
      <main>
        <SourceContext value={source}>
          <section className="product">
            <Picture />
            <div>
              <h1>{lamp.name}</h1>
              <p className="price">{money(lamp.price)}</p>
              <p>Two arms of ash, a head of folded brass. It bends to where you read, and stays there.</p>
              <Order />
              <p className="note">This much was sent at once. What is below arrives when it is ready.</p>
            </div>
          </section>
          <div className="parts">
            <Part name="delivery" title="Delivery" waiting="Counting what is in stock…" failed="What is in stock can’t be counted at the moment." show={Delivery} />
            <Part name="shops" title="In our shops" waiting="Asking the shops…" failed="The shops don’t answer at the moment. They are open until six." show={Shops} />
            <Part name="reviews" title="Reviews" waiting="Collecting reviews…" failed="There are no reviews to be had at the moment." show={Reviews} />
            <Part name="companions" title="Goes well with it" waiting="Looking around…" failed="Nothing was found at the moment." show={Companions} />
          </div>
        </SourceContext>
      </main>
    </Document>
  );
}

/** A page for an address that leads nowhere. `root` is the way up from there. */
export function Nowhere({ root, version }: { root: string; version: string }) {
  return (
    <Document title="Nothing here" version={version} root={root}>
      <main>
        <h1>There is nothing here</h1>
        <p>Perhaps you were looking for the <a href={root}>lamp</a>.</p>
      </main>
    </Document>
  );
}

// Addresses are relative: the page may be at the root of a host or below a path.
function Document({ title, version, root = '', children }: { title: string; version: string; root?: string; children: ReactNode }) {
  return (
    <html lang="en" data-version={version}>
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" href={`${root}icon.svg?v=${version}`} type="image/svg+xml" />
        <link rel="stylesheet" href={`${root}page.css?v=${version}`} />
      </head>
      <body>{children}</body>
    </html>
  );
}

/**
 * How many, and into the basket: what the browser makes work. Its state is its
 * own for a reason: when state or context changes above a part that is still on
 * its way, React doesn't wait for that part and renders it in the browser.
 */
function Order() {
  const [count, setCount] = useState(1);
  const [basket, setBasket] = useState(0);
  const [alive, setAlive] = useState(false);
  // Effects run in the browser only. Until then a click would be lost.
  useEffect(() => setAlive(true), []);
  return (
    <form className="order" onSubmit={(event) => { event.preventDefault(); setBasket(basket + count); }}>
      <button type="button" className="quiet" aria-label="One less" disabled={!alive || count === 1} onClick={() => setCount(count - 1)}>−</button>
      <output aria-label="How many">{count}</output>
      <button type="button" className="quiet" aria-label="One more" disabled={!alive || count === 9} onClick={() => setCount(count + 1)}>+</button>
      <button disabled={!alive}>Add for {money(lamp.price * count)}</button>
      <p role="status">{basket > 0 && `${basket} in your basket`}</p>
    </form>
  );
}

interface PartProps<N extends Name> {
  name: N;
  title: string;
  waiting: string;
  failed: string;
  show: (props: { data: Parts[N] }) => ReactNode;
}

/**
 * A slow part in its place. Where the function fails to render it, its fallback is
 * what arrives, and the browser tries; where that fails too, the reader may.
 */
function Part<N extends Name>({ name, title, waiting, failed, show }: PartProps<N>) {
  const source = use(SourceContext)!;
  return (
    <section id={name} className="part">
      <h2>{title}</h2>
      <Boundary message={failed} retry={() => source.forget(name)}>
        <Suspense fallback={<p className="waiting">{waiting}</p>}>
          <Content name={name} show={show} />
        </Suspense>
      </Boundary>
    </section>
  );
}

function Content<N extends Name>({ name, show: Show }: Pick<PartProps<N>, 'name' | 'show'>) {
  const { data, milliseconds } = use(use(SourceContext)!.get(name));
  return (
    <div className="content">
      <Show data={data} />
      <p className="note">took {(milliseconds / 1000).toFixed(1)} s</p>
      {/* The browser renders the part from the same data. In a script nothing but "<" could end it. */}
      <script type="application/json" id={dataId(name)} dangerouslySetInnerHTML={{ __html: JSON.stringify({ data, milliseconds }).replaceAll('<', '\\u003c') }} />
    </div>
  );
}

/** React knows error boundaries as classes only, and in the browser only. */
class Boundary extends Component<{ message: string; retry: () => void; children: ReactNode }> {
  state = { broken: false };

  static getDerivedStateFromError = () => ({ broken: true });

  render() {
    if (!this.state.broken) return this.props.children;
    const again = () => {
      this.props.retry();
      this.setState({ broken: false });
    };
    return (
      <div role="alert" className="broken">
        <p>{this.props.message}</p>
        <button type="button" className="quiet" onClick={again}>Try again</button>
      </div>
    );
  }
}

function Delivery({ data: { stock, day, post } }: { data: Parts['delivery'] }) {
  return (
    <>
      <p><strong>With you on {day}</strong></p>
      <p>{stock} are ready to go. Postage is {post}.</p>
    </>
  );
}

function Shops({ data }: { data: Parts['shops'] }) {
  return (
    <ul>
      {data.map(({ name, way, left }) => <li key={name}><span>{name} <small>{way}</small></span> <span>{left} left</span></li>)}
    </ul>
  );
}

function Reviews({ data }: { data: Parts['reviews'] }) {
  return data.map(({ stars, text, author }) => (
    <blockquote key={author}>
      <span className="stars" role="img" aria-label={`${stars} of 5 stars`}>{'★'.repeat(stars)}{'☆'.repeat(5 - stars)}</span>
      <p>{text} <cite>{author}</cite></p>
    </blockquote>
  ));
}

function Companions({ data }: { data: Parts['companions'] }) {
  return (
    <ul>
      {data.map(({ name, price }) => <li key={name}><span>{name}</span> <span>{money(price)}</span></li>)}
    </ul>
  );
}

function Picture() {
  return (
    <svg className="picture" viewBox="0 0 320 240" role="img" aria-label="A desk lamp with two arms of wood and a brass head, lit">
      <path className="light" d="m198 66 74 26 34 128H96z" />
      <path className="table" d="M-320 220h960v20h-960z" />
      <path className="base" d="M52 220a36 12 0 0 1 72 0z" />
      <path className="arm" d="m88 210-28-92 138-76" />
      <circle className="joint" cx="60" cy="118" r="7" />
      <path className="head" d="m186 30 40-8 46 70-74-26z" />
    </svg>
  );
}

const money = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')} €`;
