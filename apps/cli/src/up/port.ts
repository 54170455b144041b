/**
 * The port of the server that `up` starts: the one that was asked for, or nothing; the usual one when nobody asked, or
 * another when somebody has that already. Known before anything starts, so that what is in the way is told at once and
 * the server keeps its address when it is started again.
 */
import { createServer } from 'node:net';
import { UserError } from '@reelfleet/core';
import { cannotListen } from '@reelfleet/server';

export interface PortWish {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** How the port was given, for the sentence when it is taken: `--port` or `PORT`; null when nobody gave one. */
  readonly given: string | null;
}

/** Throws UserError (exit code 2) when the port that was given, or the host, cannot be had. */
export async function choosePort(wish: PortWish, say: (text: string) => void): Promise<number> {
  try {
    return await tryPort(wish.host, wish.port);
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!inUse || wish.given !== null) throw named(cannotListen(error, wish.host, wish.port), wish.given);
    const port = await tryPort(wish.host, 0);
    say(`port ${wish.port} is in use: the server takes ${port}`);
    return port;
  }
}

/** Take the port for a moment. */
function tryPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}

/** A sentence about a setting that came from an option names the option. */
function named(error: unknown, given: string | null): unknown {
  if (!(error instanceof UserError) || given === null) return error;
  return new UserError(error.message.replace(/^PORT: /, `${given}: `), { exitCode: error.exitCode, cause: error });
}

/** The address of the server for people on this machine. Pure. */
export function originOf(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
