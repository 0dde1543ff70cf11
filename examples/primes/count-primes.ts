// What the workers run: a plain function of one item, exported.

export interface Range {
  from: number
  to: number
}

/** How many primes there are from `from` to below `to`, by trial division: slow on purpose. */
export default function countPrimes({ from, to }: Range): number {
  let primes = 0
  for (let n = Math.max(from, 2); n < to; n++) if (isPrime(n)) primes++
  return primes
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return true
}
