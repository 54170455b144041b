/** What happens to tickets, sweeps, the schema and cancels: 21, 22, 23 and 26. */
import type { Fault } from '../fault.ts';
import { cancels } from './cancels.ts';
import { migrators } from './migrators.ts';
import { sweepsTogether } from './sweeps.ts';
import { strangeTickets } from './tickets.ts';

export const ledgerFaults: readonly Fault[] = [strangeTickets, sweepsTogether, migrators, cancels];
