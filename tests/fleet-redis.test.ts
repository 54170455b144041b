import { redisMissing, startRedis, withRedis } from '@reelfleet/testkit';
import { describeFleet } from './support/fleet.testsuite.ts';

describeFleet(withRedis('a fleet with its tickets on Redis'), async () => (await startRedis())?.url, {
  skip: redisMissing() !== null,
});
