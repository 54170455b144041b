/** A real worker process that knows one stage: `hold`. Everything else of it is the product's. */
import { locateFleet, runWorker } from '@reelfleet/worker';
import { hold, holding } from './recovery-stage.ts';

const code = await runWorker(locateFleet(process.env, { stages: [hold.name] }), {
  stages: new Map([[hold.name, hold]]),
  templates: new Map([[holding.name, holding]]),
  recorders: new Map(),
});
process.exit(code);
