export { freePort } from '@reelfleet/embedded';
export { chromiumMissing, launchChromium, type PageTroubles, watchPage, withChromium } from './chromium.ts';
export { atTestEnd, cleanUp } from './cleanup.ts';
export { freshDatabase, type TestCluster, type TestDatabase, type TestSchema, testCluster } from './database.ts';
export {
  type FaultKind,
  type FaultPlan,
  type GcsServer,
  type GcsServerOptions,
  startGcsServer,
  USUAL_FAULTS,
} from './gcs/index.ts';
export { brokenInvariants, type Invariant, parseInvariants, type Violation } from './invariants.ts';
export { type Exit, type ProcessOptions, startProcess, type TestProcess } from './process.ts';
export { redisMissing, startRedis, type TestRedis, withRedis } from './redis.ts';
export { speak, speechMissing, withSpeech } from './speech.ts';
export { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
export { type UntilOptions, until } from './until.ts';
