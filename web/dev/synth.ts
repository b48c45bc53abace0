// An ECG made of Gaussians, for the gallery only: no recording of a person is needed to look at the viewer.
import type { EcgRecording } from '../src/ecg'

const FS = 500
const LEADS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6']
// Heights in µV of P, Q, R, S, T in the eight leads that are measured.
const WAVES: Readonly<Record<string, readonly number[]>> = {
  I: [70, -50, 620, -100, 200],
  II: [120, -70, 980, -140, 290],
  V1: [50, 0, 220, -950, 60],
  V2: [60, 0, 420, -1250, 500],
  V3: [60, 0, 780, -950, 500],
  V4: [70, -30, 1350, -500, 420],
  V5: [70, -70, 1250, -220, 330],
  V6: [60, -80, 980, -100, 250],
}
const AT_S = [-0.165, -0.026, 0, 0.03, 0.29]
const WIDTH_S = [0.022, 0.008, 0.0105, 0.011, 0.045]

export function synth(seconds: number, rate = 74): EcgRecording {
  const n = seconds * FS
  const leads = new Map<string, Float32Array>()
  for (const [lead, heights] of Object.entries(WAVES)) {
    const uv = new Float32Array(n)
    for (let r_s = 0.4; r_s < seconds + 0.4; r_s += 60 / rate)
      heights.forEach((height, wave) => {
        const centre = (r_s + (AT_S[wave] ?? 0)) * FS
        const width = (WIDTH_S[wave] ?? 0.01) * FS
        for (let i = Math.max(0, Math.ceil(centre - 4 * width)); i < Math.min(n, centre + 4 * width); i++)
          uv[i] = (uv[i] ?? 0) + height * Math.exp(-0.5 * ((i - centre) / width) ** 2)
      })
    for (let i = 0; i < n; i++) uv[i] = (uv[i] ?? 0) + 6 * Math.sin(i * 1.7) + 4 * Math.sin(i * 0.31)
    leads.set(lead, uv)
  }
  const of = (lead: string): Float32Array => leads.get(lead) ?? new Float32Array(n)
  const mix = (a: number, b: number): Float32Array => of('I').map((v, i) => a * v + b * (of('II')[i] ?? 0))
  leads.set('III', mix(-1, 1))
  leads.set('aVR', mix(-0.5, -0.5))
  leads.set('aVL', mix(1, -0.5))
  leads.set('aVF', mix(-0.5, 1))
  return { fs: FS, leads: LEADS, signal: LEADS.map(of) }
}
