/**
 * One watcher's connection: the head of the answer, writing, and the limit on what may wait for a client that does not
 * read. Past it the connection is cut; a client that lives comes back with its cursor and misses nothing. So the server
 * holds at most MOST_UNREAD bytes and one batch per watcher, whatever the watchers do.
 */
import type { FastifyReply } from 'fastify';

/** More than a look at the trail brings of one run, so that nobody is cut for being handed much at once. */
const MOST_UNREAD = 2 * 1_024 * 1_024;
/** Clients come back after 1 to 3 s, not all at once: a server that restarts would meet them in one moment. */
const RETRY_MS = 1_000;
const RETRY_SPREAD_MS = 2_000;

export interface EventStream {
  /** Sends, or cuts the connection when too much of what was sent before still waits. Does nothing once it is closed. */
  write(chunk: string | Buffer): void;
  /** Ends it in order; the client comes back. */
  end(): void;
}

/**
 * Begin the answer. `onClose` is called once, whoever ends it from now on; never for a connection that has ended before,
 * which is for the caller to see (`reply.raw.destroyed`).
 */
export function openStream(reply: FastifyReply, onClose: (dropped: boolean) => void): EventStream {
  reply.hijack();
  const { raw } = reply;
  let dropped = false;
  raw.on('error', () => {}); // a client that goes away while it is written to; 'close' follows
  raw.once('close', () => onClose(dropped));
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // `no-transform`: a proxy that compresses would hold events back.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  });
  raw.write(`retry: ${Math.round(RETRY_MS + Math.random() * RETRY_SPREAD_MS)}\n\n`);
  return {
    write(chunk) {
      if (raw.destroyed || raw.writableEnded) return;
      if (raw.writableLength > MOST_UNREAD) {
        dropped = true;
        raw.destroy();
        return;
      }
      raw.write(chunk);
    },
    end() {
      if (!raw.writableEnded) raw.end();
    },
  };
}
