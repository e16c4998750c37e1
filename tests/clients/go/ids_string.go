//go:build strings

package main

import "strconv"

type shopID = string

const noID shopID = "a b"

func shopIDOf(number int64) shopID { return strconv.FormatInt(number, 10) }
