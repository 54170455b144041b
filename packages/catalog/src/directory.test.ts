import { beforeAll, expect, test } from 'vitest';
import { openWorld, preview, type World } from './testing.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});

test('channels are added, edited, disabled and counted', async () => {
  const { channels } = world.operator;
  const added = await channels.add({ name: ' Calm Waters ', niche: 'Lakes' });
  expect(added).toMatchObject({
    name: 'Calm Waters',
    brandNiche: 'Lakes',
    isActive: true,
    totalJobs: 0,
    completedJobs: 0,
  });
  await world.operator.enqueue([{ ...preview, channel: added.id }]);
  expect(await channels.edit('Calm Waters', { name: 'Still Waters', niche: 'Ponds' })).toMatchObject({
    id: added.id,
    name: 'Still Waters',
    brandNiche: 'Ponds',
    totalJobs: 1,
  });
  expect(await channels.setActive(added.id, false)).toMatchObject({ isActive: false });
  expect(await channels.ls()).toMatchObject([{ name: 'Still Waters', isActive: false }]);
});

test('personas are added, edited and disabled', async () => {
  const { personas } = world.operator;
  const added = await personas.add({ name: 'Sage' });
  expect(await personas.edit('Sage', { name: 'Elder' })).toEqual({ id: added.id, name: 'Elder', isActive: true });
  expect(await personas.setActive('Elder', false)).toEqual({ id: added.id, name: 'Elder', isActive: false });
  expect(await personas.ls()).toEqual([{ id: added.id, name: 'Elder', isActive: false }]);
});

test('a name that is taken, empty or missing is one sentence', async () => {
  const { channels, personas } = world.operator;
  await channels.add({ name: 'Taken', niche: 'x' });
  await channels.add({ name: 'Free', niche: 'x' });
  await personas.add({ name: 'Taken' });
  await expect(channels.add({ name: 'taken', niche: 'x' })).rejects.toThrow(
    'there is a channel named "Taken" already: choose another name, or edit that one',
  );
  await expect(channels.edit('Free', { name: 'TAKEN' })).rejects.toThrow('there is a channel named "Taken" already');
  await expect(channels.edit('Free', {})).rejects.toThrow('nothing to change: give a new name or a new niche');
  await expect(channels.add({ name: '', niche: 'x' })).rejects.toThrow('name is empty');
  await expect(channels.add({ name: 'New', niche: ' ' })).rejects.toThrow('niche is empty');
  await expect(channels.add({ name: '01890a5d-ac96-774b-bcce-b302099a8057', niche: 'x' })).rejects.toThrow(
    'looks like an id',
  );
  await expect(channels.setActive('Nowhere', true)).rejects.toThrow(
    'there is no channel "Nowhere": `reelfleet channels ls` lists them',
  );
  await expect(personas.add({ name: 'TAKEN' })).rejects.toThrow('there is a persona named "Taken" already');
  await expect(personas.edit('Nobody', { name: 'x' })).rejects.toThrow('there is no persona "Nobody"');
});

test('two operators who add one channel at the same time make one, and the others are told', async () => {
  const answers = await Promise.allSettled(
    Array.from({ length: 5 }, () => world.operator.channels.add({ name: 'Contested', niche: 'x' })),
  );
  expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
  for (const answer of answers)
    if (answer.status === 'rejected')
      expect(answer.reason.message).toMatch(/^there is a channel named "Contested" already/);
});
