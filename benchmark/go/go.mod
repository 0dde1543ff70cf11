module millrace/benchmark

go 1.24
