/**
 * Who may enter. On loopback without a password everybody on this machine; with a password whoever knows it; off loopback
 * never without one (listen.ts refuses to start). docs/adr/0006-access.md says why it is as it is.
 */
import cookie from '@fastify/cookie';
import type { ServerPart } from '../context.ts';
import { guard, type Keys } from './guard.ts';
import { headers } from './headers.ts';
import { login } from './login.ts';
import { openSessions } from './session.ts';
import { openThrottle } from './throttle.ts';

export const access: ServerPart = async (app, { access: { password }, log }) => {
  const keys: Keys | null =
    password === undefined ? null : { password, sessions: await openSessions(password), throttle: openThrottle(), log };
  await headers(app);
  await app.register(cookie);
  guard(app, keys);
  if (keys !== null) await app.register((scope) => login(scope, keys));
};
