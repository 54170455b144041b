/**
 * A small Google Cloud Storage: the part of its JSON API that Reelfleet and Google's client library use, one bucket,
 * bytes on the disk, and faults on order. For tests: any number of processes can use it at once, by the environment.
 *
 * It keeps the service's promises, which is what makes its faults worth anything: an object appears whole or not at all,
 * preconditions are atomic, checksums that come along are compared before that, and an upload that was interrupted has
 * kept whole units of 256 KiB.
 */
import { createPublicKey } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atTestEnd } from '../cleanup.ts';
import type { Exchange, Surroundings } from './answers.ts';
import { type FaultKind, type FaultPlan, Faults } from './faults.ts';
import { Bucket } from './objects.ts';
import { operations } from './operations.ts';
import { type Route, routeOf } from './routes.ts';

export interface GcsServerOptions {
  faults?: FaultPlan;
  /** Default 'reelfleet-test'. Any other answers that it does not exist. */
  bucket?: string;
  /** What an interrupted upload is kept in units of; default 256 KiB, as the service does. */
  granule?: number;
  /** Objects in one page of a listing; default 1000, as the service does. */
  pageSize?: number;
  /** What one request of a copy gets done at most, in bytes; default 1 GiB. The service says itself how far it came. */
  rewriteStep?: number;
  /** The public key (PEM) of whoever signs links; without one no signed URL opens. */
  signerKey?: string;
  /** Default a free one. */
  port?: number;
}

export interface GcsServer {
  /** For `STORAGE_EMULATOR_HOST`. */
  readonly url: string;
  readonly bucket: string;
  /** For `STORAGE_URL`. */
  readonly storageUrl: string;
  /** The environment that leads another process here. */
  readonly env: { STORAGE_URL: string; STORAGE_EMULATOR_HOST: string };
  /** Requests so far, by what they wanted. */
  readonly requests: Readonly<Partial<Record<Route['operation'], number>>>;
  /** Faults so far, by kind. */
  readonly injected: Readonly<Partial<Record<FaultKind, number>>>;
  /** Open connections now. */
  readonly connections: number;
  /** Another plan from now on; null ends all faults. */
  setFaults(plan: FaultPlan | null): void;
  close(): Promise<void>;
}

/** Starts one on a free port of 127.0.0.1; it ends, with everything in it, with the test. */
export async function startGcsServer(options: GcsServerOptions = {}): Promise<GcsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'reelfleet-gcs-'));
  const faults = new Faults();
  faults.set(options.faults ?? null);
  const requests: Partial<Record<Route['operation'], number>> = {};
  const around: Surroundings = {
    bucketName: options.bucket ?? 'reelfleet-test',
    bucket: new Bucket(),
    sessions: new Map(),
    folder,
    faults,
    granule: options.granule ?? 256 * 1024,
    pageSize: options.pageSize ?? 1000,
    rewriteStep: options.rewriteStep ?? 2 ** 30,
    signerKey: options.signerKey === undefined ? null : createPublicKey(options.signerKey),
    url: '',
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = routeOf(request);
    requests[route.operation] = (requests[route.operation] ?? 0) + 1;
    const exchange: Exchange = { request, response, route, fault: faults.draw(route.suffers) };
    await operations(around, exchange);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      // A fault of this server is a fault of the test: loud, and no fault that a client should survive.
      if (response.headersSent) response.destroy();
      else response.writeHead(501, { 'Content-Type': 'text/plain' }).end(String(error));
    });
  });
  // Slow is part of the play.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  const connections = new Set<object>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => connections.delete(socket));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test bucket got no TCP port');
  around.url = `http://127.0.0.1:${address.port}`;
  const storageUrl = `gs://${around.bucketName}/store`;

  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((done) => server.close(done));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  atTestEnd(close);

  return {
    url: around.url,
    bucket: around.bucketName,
    storageUrl,
    env: { STORAGE_URL: storageUrl, STORAGE_EMULATOR_HOST: around.url },
    requests,
    injected: faults.injected,
    get connections() {
      return connections.size;
    },
    setFaults: (plan) => faults.set(plan),
    close,
  };
}
