/** What the server's parts work with: opened in run-server.ts, given down, closed there. */
import type { Operator } from '@reelfleet/catalog';
import type { Logger, Storage } from '@reelfleet/core';
import type { Database, ReadHandle } from '@reelfleet/db';
import type { TicketQueue } from '@reelfleet/fleet';
import type { FastifyInstance } from 'fastify';

export interface ServerContext {
  readonly operator: Operator;
  /** Reads of packages/db. */
  readonly reads: ReadHandle;
  /** Ledger calls. */
  readonly db: Database;
  readonly storage: Storage;
  readonly queue: TicketQueue;
  /** Stages this version knows, in the registry's order. */
  readonly stages: readonly string[];
  readonly log: Logger;
  readonly access: AccessSettings;
  /** What a file that is sent to us may be, and how long it may stand still. */
  readonly imports: { readonly maxBytes: number; readonly stallMs: number };
  readonly version: string;
}

export interface AccessSettings {
  /** Unset: nobody is asked, which only a server on loopback may do. */
  readonly password: string | undefined;
  readonly host: string;
}

/** One part of the server: adds its routes to `app`. Every part lies in a folder (or file) of its own beside this one. */
export type ServerPart = (app: FastifyInstance, context: ServerContext) => Promise<void>;
