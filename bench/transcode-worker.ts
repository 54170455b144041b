/** A real worker process that knows the stages of a stream. Everything else of it is the product's. */
import { stages } from '@reelfleet/pipelines';
import { locateFleet, runWorker } from '@reelfleet/worker';
import { stream } from './transcode-template.ts';

const served = new Map([...stages].filter(([name]) => name.startsWith('transcode')));
const code = await runWorker(locateFleet(process.env, { stages: [...served.keys()] }), {
  stages: served,
  templates: new Map([[stream.name, stream]]),
  recorders: new Map(),
});
process.exit(code);
