/**
 * A TCP proxy in front of Postgres, Redis or anything else, that can do to connections what networks do: cut them,
 * refuse new ones, swallow everything, be slow, or lose the answers to what did arrive.
 */
import { connect, createServer, type Socket } from 'node:net';
import { atTestEnd } from './cleanup.ts';

/**
 * `pass`: a wire. `refuse`: new connections are cut at once. `hang`: a black hole; connections stay open, nothing
 * moves. `drop-replies`: what the client says arrives, what the server answers is lost.
 */
type Mode = 'pass' | 'refuse' | 'hang' | 'drop-replies';

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
  /** Holds each piece this long in both directions; 0 ends it. */
  delay(ms: number): void;
  /** Back to a plain wire. */
  heal(): void;
  stop(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  lostReplies: boolean;
}

/** Starts a proxy on a free port of 127.0.0.1; it stops with the test. `target` is a URL with a port, or host and port. */
export async function startTcpProxy(target: string | { host: string; port: number }): Promise<TcpProxy> {
  const goal = typeof target === 'string' ? goalOf(target) : target;
  const links = new Set<Link>();
  let mode: Mode = 'pass';
  let delayMs = 0;

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (mode === 'refuse') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...goal, allowHalfOpen: true });
    const link: Link = { client, server, lostReplies: false };
    links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => close(link)); // either side going away is what this is for
      socket.once('close', () => close(link));
    }
    forward(client, server, () => true);
    forward(server, client, () => {
      if (mode === 'drop-replies') link.lostReplies = true;
      // A stream with a hole in it is no stream: once something was lost, nothing more of it is passed on.
      return !link.lostReplies;
    });
    if (mode === 'hang') hold(link);
  });

  function forward(from: Socket, to: Socket, wanted: () => boolean): void {
    const later = (act: () => void) => (delayMs > 0 ? void setTimeout(act, delayMs) : act());
    from.on('data', (data) => {
      if (!wanted()) return;
      later(() => {
        if (to.destroyed || to.write(data)) return;
        from.pause();
        to.once('drain', () => mode !== 'hang' && from.resume());
      });
    });
    from.once('end', () => later(() => to.end()));
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
    delay(ms) {
      delayMs = ms;
    },
    heal() {
      mode = 'pass';
      delayMs = 0;
      for (const link of links) {
        if (link.lostReplies) {
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
