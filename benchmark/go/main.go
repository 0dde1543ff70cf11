// One run of the hot path over a Go channel: `hot-path items|batches PRODUCERS CONSUMERS CAPACITY ITEMS`.
//
// A goroutine for each producer and each consumer. Each value is stored before it is sent, and read and summed after
// it was received. Prints one JSON object with the count and the sum that arrived and the time from the start of the
// first goroutine to the end of the last.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// batch is as large as those of the other contestants.
const batch = 125

type shape struct{ producers, consumers, capacity, items int }

type arrived struct {
	Count   int     `json:"count"`
	Sum     float64 `json:"sum"`
	Seconds float64 `json:"seconds"`
}

func (a *arrived) add(value float64) {
	a.Count++
	a.Sum += value
}

func items(s shape) arrived {
	send := func(channel chan<- float64, from, to int) {
		for value := from; value < to; value++ {
			channel <- float64(value)
		}
	}
	return contest(s, make(chan float64, s.capacity), send, (*arrived).add)
}

func batches(s shape) arrived {
	send := func(channel chan<- []float64, from, to int) {
		for start := from; start < to; start += batch {
			values := make([]float64, 0, batch)
			for value := start; value < min(to, start+batch); value++ {
				values = append(values, float64(value))
			}
			channel <- values
		}
	}
	add := func(a *arrived, values []float64) {
		for _, value := range values {
			a.add(value)
		}
	}
	return contest(s, make(chan []float64, (s.capacity+batch-1)/batch), send, add)
}

// contest closes the channel after the last producer, which ends the consumers' loops.
func contest[T any](s shape, channel chan T, send func(chan<- T, int, int), add func(*arrived, T)) arrived {
	start := time.Now()
	var producers, consumers sync.WaitGroup
	each := s.items / s.producers
	producers.Add(s.producers)
	for index := range s.producers {
		go func() {
			defer producers.Done()
			send(channel, index*each, (index+1)*each)
		}()
	}
	results := make([]arrived, s.consumers)
	consumers.Add(s.consumers)
	for index := range s.consumers {
		go func() {
			defer consumers.Done()
			var own arrived
			for message := range channel {
				add(&own, message)
			}
			results[index] = own
		}()
	}
	producers.Wait()
	close(channel)
	consumers.Wait()
	var total arrived
	for _, result := range results {
		total.Count += result.Count
		total.Sum += result.Sum
	}
	total.Seconds = time.Since(start).Seconds()
	return total
}

func parse(arguments []string) (func(shape) arrived, shape, error) {
	if len(arguments) != 5 {
		return nil, shape{}, fmt.Errorf("expected items|batches PRODUCERS CONSUMERS CAPACITY ITEMS, got %q", arguments)
	}
	contestant, known := map[string]func(shape) arrived{"items": items, "batches": batches}[arguments[0]]
	if !known {
		return nil, shape{}, fmt.Errorf("expected items or batches, got %q", arguments[0])
	}
	var numbers [4]int
	for index, text := range arguments[1:] {
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 {
			return nil, shape{}, fmt.Errorf("expected a positive integer, got %q", text)
		}
		numbers[index] = number
	}
	return contestant, shape{numbers[0], numbers[1], numbers[2], numbers[3]}, nil
}

func main() {
	contestant, size, err := parse(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(contestant(size))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hot-path:", err)
		os.Exit(2)
	}
}
