/** The one list of faults. Number 27, several of them at once, is the schedule's (schedule.ts). */
import type { Fault } from '../fault.ts';
import { clockFaults } from './clock.ts';
import { ledgerFaults } from './ledger.ts';
import { mediaFaults } from './media.ts';
import { networkFaults } from './network.ts';
import { postgresFaults } from './postgres.ts';
import { processFaults } from './process.ts';
import { redisFaults } from './redis.ts';
import { storageFaults } from './storage.ts';

export const faults: readonly Fault[] = [
  ...processFaults,
  ...redisFaults,
  ...postgresFaults,
  ...networkFaults,
  ...mediaFaults,
  ...storageFaults,
  ...ledgerFaults,
  ...clockFaults,
].sort((a, b) => a.number - b.number);
