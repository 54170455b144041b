/**
 * Whether a request comes from a page of this server, from a program, or from a page of somebody else in the browser of
 * one of our operators (cross-site request forgery). Browsers say so in headers that a page cannot set: `Sec-Fetch-Site`,
 * which they send over https and to loopback only, and `Origin`, which they send with every write. Pure.
 */

export interface Asking {
  readonly method: string;
  /** The Host header. */
  readonly host: string | undefined;
  /** What a proxy says the Host header was. A page of somebody else cannot send it: that takes a permission we never give. */
  readonly forwardedHost: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site and Sec-Fetch-Mode. */
  readonly site: string | undefined;
  readonly mode: string | undefined;
  /** The request is let in by what a browser sends along by itself. */
  readonly byCookie: boolean;
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why this request is refused, as a sentence; null when it is ours. */
export function refusalOf(asking: Asking): string | null {
  const { method, site, mode, origin } = asking;
  const strange = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (READS.has(method)) {
    // Following a link to us is fine; embedding us, or reading us by script, is not.
    return strange && mode !== 'navigate' ? 'pages of other sites may link here, and nothing more' : null;
  }
  if (strange) return 'pages of other sites may not change anything here';
  if (site !== undefined) return null;
  if (origin !== undefined) {
    return isOwn(origin, asking)
      ? null
      : `the page that asks (${printable(origin)}) is not of this server: a proxy in front of it must pass on the Host header`;
  }
  if (asking.byCookie) return 'a write with a session needs the headers browsers send; programs use HTTP Basic instead';
  return null;
}

function isOwn(origin: string, { host, forwardedHost }: Asking): boolean {
  if (!URL.canParse(origin)) return false;
  const named = new URL(origin);
  return [host, forwardedHost].some((name) => name !== undefined && sameHost(named, name));
}

/** By the scheme of the origin, since a default port may be left out; behind a proxy ours may be another. */
function sameHost(origin: URL, host: string): boolean {
  const url = `${origin.protocol}//${host}`;
  return URL.canParse(url) && new URL(url).host === origin.host && origin.host !== '';
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100)).slice(1, -1);
}
