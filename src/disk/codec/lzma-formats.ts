import { CorruptBlock } from './codec.ts';
import type { Decompressor } from './codec.ts';
export const lzma: Decompressor = () => Promise.reject(new CorruptBlock('decoder not written yet'));
export const microlzma: Decompressor = () => Promise.reject(new CorruptBlock('decoder not written yet'));
