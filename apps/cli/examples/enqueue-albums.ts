/**
 * Orders albums by script: one per mood, for one channel, through the same interface that the command line uses.
 * Run it again and nothing is ordered twice, because each order has a key.
 *
 *     npx node apps/cli/examples/enqueue-albums.ts --channel "Rainy Cafe" --niche "lofi study beats" calm warm dreamy
 *     npx node apps/cli/examples/enqueue-albums.ts --preview --channel Test --niche "sea at night" calm
 *
 * It finds the fleet as every command does: DATABASE_URL, or what `reelfleet up` started in this folder.
 */
import { parseArgs } from 'node:util';
import { stages } from '@reelfleet/pipelines';
import { locateFleet, openFleet } from 'reelfleet';

const { values, positionals: moods } = parseArgs({
  allowPositionals: true,
  options: {
    channel: { type: 'string', default: 'Example' },
    niche: { type: 'string', default: 'lofi study beats' },
    minutes: { type: 'string', default: '60' },
    preview: { type: 'boolean', default: false },
  },
});

const fleet = await openFleet(locateFleet(process.env, { stages: [...stages.keys()] }));
try {
  const length = values.preview ? { preview: true, tracks: 2, seconds: 10 } : { minutes: Number(values.minutes) };
  const orders = (moods.length > 0 ? moods : ['calm']).map((mood) => ({
    kind: 'album' as const,
    channel: values.channel,
    niche: values.niche,
    moods: [mood],
    key: `example:${values.channel}:${mood}`,
    ...length,
  }));
  // All or none: when one order is wrong, nothing is enqueued.
  const placed = await fleet.operator.enqueue(orders);
  placed.forEach(({ runId, created }, i) => {
    console.log(`${orders[i]?.moods.join(', ')}: run ${runId}${created ? '' : ' (ordered before)'}`);
  });
} finally {
  await fleet.close();
}
