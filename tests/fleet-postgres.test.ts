import { describeFleet } from './support/fleet.testsuite.ts';

describeFleet('a fleet with its tickets on Postgres', async () => undefined);
