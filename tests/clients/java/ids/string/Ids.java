/** Ids of customers and products, of the type that the service has. */
class Ids {
    static final String NONE = "a b";

    static String of(long number) {
        return Long.toString(number);
    }
}
