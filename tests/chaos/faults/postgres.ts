/** Postgres is the truth and dies like anything else: single connections, the whole server, one reply, its disk. */
import type { Fault } from '../fault.ts';
import { backendsTerminated, serverKilled } from './postgres-away.ts';
import { diskFull } from './postgres-disk.ts';
import { readOnly } from './postgres-read-only.ts';
import { settleReplyLost } from './postgres-reply.ts';

/** Number 16 is two faults: the second one needs a disk of its own, which not everybody may make. */
export const postgresFaults: readonly Fault[] = [backendsTerminated, serverKilled, settleReplyLost, readOnly, diskFull];
