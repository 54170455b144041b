/**
 * A TCP proxy in front of Postgres, Redis or anything else, that can do to connections what networks do: cut them,
 * refuse new ones, swallow everything or one direction only, be slow and unsteady, or forget a connection on one side.
 */
import { connect, createServer, type Socket } from 'node:net';
import { atTestEnd } from './cleanup.ts';

/**
 * `pass`: a wire. `refuse`: new connections are cut at once. `hang`: a black hole; connections stay open, nothing
 * moves. `drop-replies`: what the client says arrives, what the server answers is lost. `drop-requests`: what the client
 * says is lost, what the server says by itself arrives.
 */
type Mode = 'pass' | 'refuse' | 'hang' | 'drop-replies' | 'drop-requests';

export interface TcpProxy {
  readonly port: number;
  /** The URL given as target, pointing at the proxy; `tcp://127.0.0.1:port` for a host and port. */
  readonly url: string;
  /** Open connections now. */
  readonly connections: number;
  /** Cuts every open connection (RST); new ones work. */
  cut(): void;
  /** Cuts every open connection and every new one, until `heal`. */
  refuse(): void;
  /** Black hole, until `heal`, which lets what was held flow on. */
  hang(): void;
  /** Requests arrive, replies are lost, until `heal`, which cuts the connections that lost some. */
  dropReplies(): void;
  /** Requests are lost, whatever the server says by itself arrives, until `heal`, which cuts the connections that lost some. */
  dropRequests(): void;
  /**
   * Every connection that is open now is forgotten, as by a router that restarted: the server sees it end, the client sees
   * nothing, and what it says goes nowhere. New ones work. `heal` tells the clients at last, by a reset.
   */
  halfOpen(): void;
  /** Holds each piece this long in both directions, more or less by up to `jitterMs`, in its order; 0 ends it. */
  delay(ms: number, jitterMs?: number): void;
  /** Back to a plain wire. */
  heal(): void;
  stop(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Something of this direction was lost. */
  readonly lost: { requests: boolean; replies: boolean };
  forgotten: boolean;
}

/** Starts a proxy on a free port of 127.0.0.1; it stops with the test. `target` is a URL with a port, or host and port. */
export async function startTcpProxy(target: string | { host: string; port: number }): Promise<TcpProxy> {
  const goal = typeof target === 'string' ? goalOf(target) : target;
  const links = new Set<Link>();
  let mode: Mode = 'pass';
  let delayMs = 0;
  let jitterMs = 0;

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (mode === 'refuse') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...goal, allowHalfOpen: true });
    const link: Link = { client, server, lost: { requests: false, replies: false }, forgotten: false };
    links.add(link);
    client.on('error', () => close(link)); // either side going away is what this is for
    client.once('close', () => close(link));
    server.on('error', () => link.forgotten || close(link));
    server.once('close', () => link.forgotten || close(link));
    for (const socket of [client, server]) socket.setNoDelay(true);
    forward(client, server, () => passes(link, 'requests', 'drop-requests'));
    forward(server, client, () => passes(link, 'replies', 'drop-replies'));
    if (mode === 'hang') hold(link);
  });

  /** A stream with a hole in it is no stream: once something was lost, nothing more of it is passed on. */
  function passes({ lost, forgotten }: Link, direction: keyof Link['lost'], dropping: Mode): boolean {
    if (mode === dropping) lost[direction] = true;
    return !forgotten && !lost[direction];
  }

  function forward(from: Socket, to: Socket, wanted: () => boolean): void {
    const later = inOrder(() => (delayMs > 0 ? Math.max(0, delayMs + (Math.random() * 2 - 1) * jitterMs) : 0));
    from.on('data', (data) => {
      if (!wanted()) return;
      later(() => {
        if (to.destroyed || to.write(data)) return;
        from.pause();
        to.once('drain', () => mode !== 'hang' && from.resume());
      });
    });
    // A direction that loses what is said loses the farewell too.
    from.once('end', () => wanted() && later(() => to.end()));
  }

  function close(link: Link): void {
    if (!links.delete(link)) return;
    // Data still under way to the other side is delivered; a destroyed peer gets nothing more.
    for (const socket of [link.client, link.server]) if (!socket.destroyed) socket.destroySoon();
  }
  function reset(link: Link): void {
    links.delete(link);
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  }
  function hold(link: Link): void {
    link.client.pause();
    link.server.pause();
  }
  const cut = () => {
    for (const link of links) reset(link);
  };

  await new Promise<void>((done, fail) => {
    listener.once('error', fail);
    listener.listen(0, '127.0.0.1', done);
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy got no TCP port');
  const { port } = address;
  const stop = async () => {
    cut();
    if (listener.listening) await new Promise((done) => listener.close(done));
  };
  atTestEnd(stop);

  return {
    port,
    url: urlThrough(target, port),
    get connections() {
      return links.size;
    },
    cut,
    refuse() {
      mode = 'refuse';
      cut();
    },
    hang() {
      mode = 'hang';
      for (const link of links) hold(link);
    },
    dropReplies() {
      mode = 'drop-replies';
    },
    dropRequests() {
      mode = 'drop-requests';
    },
    halfOpen() {
      for (const link of links) {
        link.forgotten = true;
        link.server.destroy();
      }
    },
    delay(ms, jitter = 0) {
      delayMs = ms;
      jitterMs = jitter;
    },
    heal() {
      mode = 'pass';
      delayMs = 0;
      jitterMs = 0;
      for (const link of links) {
        if (link.forgotten || link.lost.requests || link.lost.replies) {
          reset(link);
        } else {
          link.client.resume();
          link.server.resume();
        }
      }
    },
    stop,
  };
}

/** Does things each after a delay of its own, but never one before another that was there first. */
function inOrder(delay: () => number): (act: () => void) => void {
  const waiting: { at: number; act(): void }[] = [];
  const arrive = () => {
    const now = performance.now();
    for (let next = waiting[0]; next && next.at <= now; next = waiting[0]) {
      waiting.shift();
      next.act();
    }
    if (waiting[0]) setTimeout(arrive, waiting[0].at - now);
  };
  return (act) => {
    const ms = delay();
    if (ms === 0 && waiting.length === 0) return act();
    // One timer for the first of them: timers of different lengths do not keep their order to the millisecond.
    if (waiting.push({ at: performance.now() + ms, act }) === 1) setTimeout(arrive, ms);
  };
}

const DEFAULT_PORTS: Record<string, number> = { 'postgres:': 5432, 'postgresql:': 5432, 'redis:': 6379, 'http:': 80 };

function goalOf(target: string): { host: string; port: number } {
  const url = new URL(target);
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (port === undefined) throw new Error(`the proxy needs a port in ${url.protocol}//${url.host}`);
  return { host: url.hostname, port };
}

function urlThrough(target: string | { host: string; port: number }, port: number): string {
  if (typeof target !== 'string') return `tcp://127.0.0.1:${port}`;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
}
