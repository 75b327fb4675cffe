import { Channel, Resource, invoke } from '@tauri-apps/api/core';
import { createApi } from './api.js';

export const {
  Update, UpdateError, check, onState, status, history, report, healthy, relaunch, rollback,
} = createApi({ invoke, Channel, Resource });
