/**
 * A worker's own `/metrics` and `/healthz`, for whoever sets METRICS_PORT. The server's `/metrics` has the sums over the
 * fleet in any case; this one shows a single process, also while Postgres is away.
 *
 * On loopback it is open to whoever asks for this machine by its own name, on any other address `/metrics` wants the
 * password as a bearer token (metrics-server-access.ts). `/healthz` wants none, since it tells nothing but whether the
 * worker's last beat is younger than its lease.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '@reelfleet/config';
import { type Logger, messageOf, UserError } from '@reelfleet/core';
import { buildMetric, countsOf, exposition, type Family, type Meter, workerGauges } from '@reelfleet/fleet';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { asksForLoopback, openDoor } from './metrics-server-access.ts';

/** What there is to show of a worker once it has started. */
export interface ShownWorker {
  readonly id: string;
  readonly silence: number;
  gauges(): Record<keyof typeof workerGauges, number>;
}

export interface MetricsServerOptions {
  host: string;
  port: number;
  password: string | undefined;
  name: string;
  leaseMs: number;
  version: string;
  schema: string;
  meter: Meter;
  log: Logger;
  /** Null until it has started. */
  worker(): ShownWorker | null;
}

export interface MetricsServer {
  /** `http://127.0.0.1:9464`, say. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Listen and answer. Throws UserError (exit code 2) when it may not or cannot. */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, password, log } = options;
  const open = isLoopback(host);
  if (!open && password === undefined) {
    throw new UserError(
      `METRICS_PORT: on HOST=${host} other machines can reach it, and nobody would be asked for a password: set REELFLEET_PASSWORD, or leave HOST at 127.0.0.1`,
      { exitCode: 2 },
    );
  }
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess, prefix: 'reelfleet_worker_' });
  const door = open || password === undefined ? null : openDoor(password);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, text: string, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers })
        .end(request.method === 'HEAD' ? undefined : text);
    if (open && !asksForLoopback(request.headers.host))
      return void say(421, 'this is for this machine only: ask for 127.0.0.1 or localhost by name\n');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void say(405, 'GET only\n', { allow: 'GET, HEAD' });
    switch (request.url?.split('?')[0]) {
      case '/healthz': {
        const { status, text } = health(options.worker(), options.leaseMs);
        return void say(status, text);
      }
      case '/metrics': {
        const refusal = await door?.(request);
        if (refusal) return void say(refusal.status, refusal.text, refusal.headers);
        const own = exposition(familiesOf(options), { counts: await countsOf(options.meter) });
        return void say(200, await Registry.merge([own, ofProcess]).metrics(), {
          'content-type': ofProcess.contentType,
        });
      }
      default:
        return void say(404, 'here are /metrics and /healthz\n');
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      log.error({ error }, 'metrics request failed');
      response.destroy();
    });
  });
  await listen(server, host, port);
  const { address, port: taken, family } = server.address() as AddressInfo;
  const origin = `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`;
  log.info({ origin }, `metrics on ${origin}/metrics`);
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Healthy is a worker that still holds what it works on. */
export function health(worker: ShownWorker | null, leaseMs: number): { status: 200 | 503; text: string } {
  if (!worker) return { status: 503, text: 'the worker is starting\n' };
  const seconds = (worker.silence / 1_000).toFixed(1);
  if (worker.silence < leaseMs) return { status: 200, text: `last beat ${seconds} s ago\n` };
  return {
    status: 503,
    text: `the last beat that succeeded was ${seconds} s ago, longer than a lease (${leaseMs / 1_000} s): Postgres does not answer this worker, or it hangs\n`,
  };
}

function familiesOf({ name, version, schema, worker }: MetricsServerOptions): Family[] {
  const build = { component: 'worker', version, schema, node: process.version };
  const shown = worker();
  const gauges = Object.entries(shown?.gauges() ?? {}).map(([key, value]) => ({
    definition: workerGauges[key as keyof typeof workerGauges],
    samples: [{ labels: { worker: name, worker_id: shown?.id ?? '' }, value }],
  }));
  return [{ definition: buildMetric, samples: [{ labels: build, value: 1 }] }, ...gauges];
}

function listen(server: Server, host: string, port: number): Promise<void> {
  const say = (text: string, cause: unknown) => new UserError(text, { cause, exitCode: 2 });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        return reject(
          say(
            `METRICS_PORT: ${port} is in use on ${host}: several workers on one machine need one each (0 takes a free one)`,
            error,
          ),
        );
      if (error.code === 'EACCES')
        return reject(
          say(`METRICS_PORT: ${port} is for the administrator of this machine: choose one from 1024 on`, error),
        );
      reject(
        say(`METRICS_PORT: cannot listen on HOST=${host} (${messageOf(error)}): use an address of this machine`, error),
      );
    });
    server.listen({ host, port }, () => resolve());
  });
}
